//! The program: hands over to the command line, or to the sandbox's second
//! program.

use std::process::ExitCode;

use doze::sandbox::confine;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // Before anything else: what is to be confined must not start threads.
    if args.next().is_some_and(|verb| verb == confine::VERB) {
        let error = confine::run(args);
        let source = std::error::Error::source(&error);
        let cause = source.map(|cause| format!(": {cause}")).unwrap_or_default();
        eprintln!("doze: failed to {error}{cause}");
        return ExitCode::from(confine::EXIT_NOT_CONFINED);
    }
    doze::cli::run()
}
