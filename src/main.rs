//! The program: hands over to the command line, or to the sandbox's second
//! program.

use std::process::ExitCode;

use doze::sandbox::fork_server;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // Before anything else: it must not start threads.
    if args.next().is_some_and(|verb| verb == fork_server::VERB) {
        return match fork_server::run(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("doze: {error}");
                ExitCode::FAILURE
            }
        };
    }
    doze::cli::run()
}
