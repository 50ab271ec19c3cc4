//! doze
fn main(){
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|verb| verb == doze::sandbox::confine::VERB) {
        eprintln!("{:?}", doze::sandbox::confine::run(args));
    }
}
