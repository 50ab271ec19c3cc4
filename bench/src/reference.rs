//! What doze is compared with.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Bench;
use crate::server::{Server, free_address, start};

/// The programs that are compared with or measure, with their versions.
pub(crate) struct Tools {
    pub(crate) nginx: Option<PathBuf>,
    pub(crate) php: Option<PathBuf>,
    pub(crate) passenger: Option<PathBuf>,
    pub(crate) node: Option<PathBuf>,
    pub(crate) workerd: Option<PathBuf>,
    pub(crate) wrk: Option<PathBuf>,
}

const PASSENGER: &str = "/usr/lib/passenger/support-binaries/PassengerAgent";
const PASSENGER_PLACES: &str = "/usr/lib/ruby/vendor_ruby/phusion_passenger/locations.ini";
const WORKERD: &str = "node_modules/@cloudflare/workerd-linux-64/bin/workerd";

impl Tools {
    pub(crate) fn find(reference: &Path) -> Self {
        let there = |path: PathBuf| path.is_file().then_some(path);
        Self {
            nginx: installed(|name| name == "nginx"),
            php: installed(|name| name.starts_with("php-fpm")),
            passenger: there(PASSENGER.into()),
            node: installed(|name| name == "node"),
            workerd: there(reference.join(WORKERD)),
            wrk: installed(|name| name == "wrk"),
        }
    }

    /// Each by its name.
    pub(crate) fn named(&self) -> [(&'static str, Option<&PathBuf>); 6] {
        [
            ("nginx", self.nginx.as_ref()),
            ("php-fpm", self.php.as_ref()),
            ("Passenger", self.passenger.as_ref()),
            ("node", self.node.as_ref()),
            ("workerd", self.workerd.as_ref()),
            ("wrk", self.wrk.as_ref()),
        ]
    }
}

fn installed(matches: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"];
    let entries = folders.into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let found = entries.flatten().find(|entry| matches(&entry.file_name().to_string_lossy()));
    found.map(|entry| entry.path())
}

/// Starts plain `deno run` with a script that serves.
pub(crate) fn deno(bench: &Bench, script: &Path) -> Result<Server, String> {
    let address = free_address()?;
    let mut command = Command::new(&bench.deno);
    command.args(["run", "--allow-net", "--allow-read"]).arg(script);
    command.arg(address.port().to_string());
    start_deno(bench, command, address)
}

/// Starts plain `deno run` on a Unix socket.
pub(crate) fn deno_on_socket(bench: &Bench, socket: &Path) -> Result<Server, String> {
    // Of an earlier round.
    _ = fs::remove_file(socket);
    let mut command = Command::new(&bench.deno);
    command.args(["run", "--allow-net", "--allow-read", "--allow-write"]);
    command.arg(bench.reference.join("hello.js")).arg(socket);
    start_deno(bench, command, free_address()?)
}

fn start_deno(
    bench: &Bench,
    mut command: Command,
    address: std::net::SocketAddr,
) -> Result<Server, String> {
    command.env("DENO_DIR", bench.work.join("deno")).env("DENO_NO_UPDATE_CHECK", "1");
    command.stdout(Stdio::piped());
    let mut server = start(bench, &mut command, address)?;
    server.wait_for_word()?;
    Ok(server)
}

/// A script with which plain Deno serves a module's handler.
pub(crate) fn serving(bench: &Bench, name: &str, module: &Path) -> Result<PathBuf, String> {
    let script = bench.work.join(format!("serve-{name}.js"));
    let code = format!(
        "import handler from \"file://{}\";\n\
         const settings = {{ hostname: \"127.0.0.1\", port: Number(Deno.args[0]) }};\n\
         Deno.serve(\n  {{ ...settings, onListen: () => console.log(\"ready\") }},\n  \
         handler.fetch ?? handler,\n);\n",
        module.display()
    );
    fs::write(&script, code).map_err(|error| format!("cannot write a script: {error}"))?;
    Ok(script)
}

/// Starts nginx in front of plain Deno with a greeting and with `app.js`.
pub(crate) fn nginx(
    bench: &Bench,
    program: &Path,
    hello: &Server,
    app: &Server,
) -> Result<Server, String> {
    let filled = [("HELLO", hello.address.to_string()), ("APP", app.address.to_string())];
    let mut nginx = start_nginx(bench, program, "nginx.conf", &filled)?;
    nginx.wait_for("/")?;
    Ok(nginx)
}

/// Starts nginx with a configuration of `reference`, filled in.
fn start_nginx(
    bench: &Bench,
    program: &Path,
    file: &str,
    filled: &[(&str, String)],
) -> Result<Server, String> {
    let address = free_address()?;
    let mut filled = filled.to_vec();
    filled.push(("LISTEN", address.to_string()));
    let config = fill_in(bench, file, &filled)?;
    let prefix = config.parent().unwrap_or(&bench.work);
    let mut command = Command::new(program);
    command.arg("-p").arg(prefix).arg("-c").arg(&config).args(["-e", "stderr"]);
    start(bench, &mut command, address)
}

/// Copies a file of `reference` to a folder of its own, with its gaps filled.
fn fill_in(bench: &Bench, file: &str, filled: &[(&str, String)]) -> Result<PathBuf, String> {
    let told = |error: std::io::Error| format!("cannot set up {file}: {error}");
    let folder = bench.work.join(file).with_extension("");
    fs::create_dir_all(&folder).map_err(told)?;
    let mut text = fs::read_to_string(bench.reference.join(file)).map_err(told)?;
    for (gap, value) in filled {
        text = text.replace(&format!("@{gap}@"), value);
    }
    let path = folder.join(file);
    fs::write(&path, text).map_err(told)?;
    Ok(path)
}

/// Starts php-fpm with `pm = ondemand` behind nginx. A pool's process ends a
/// second after its last request, so there are several pools to ask in turn.
pub(crate) fn php(
    bench: &Bench,
    program: &Path,
    nginx: &Path,
    pools: usize,
) -> Result<(Server, Server), String> {
    let folder = bench.work.join("php");
    let told = |error: std::io::Error| format!("cannot set up php-fpm: {error}");
    fs::create_dir_all(&folder).map_err(told)?;
    fs::copy(bench.reference.join("hello.php"), folder.join("hello.php")).map_err(told)?;
    let at = folder.display();
    let mut config = format!("[global]\npid = {at}/pid\nerror_log = {at}/log\ndaemonize = no\n");
    let mut locations = String::new();
    for pool in 0..pools {
        _ = write!(
            config,
            "[pool{pool}]\nuser = www-data\nlisten = {at}/{pool}.sock\nlisten.mode = 0666\n\
             pm = ondemand\npm.max_children = 10\npm.process_idle_timeout = 1s\n"
        );
        _ = writeln!(
            locations,
            "location = /{pool} {{ fastcgi_pass unix:{at}/{pool}.sock; \
             fastcgi_param REQUEST_METHOD $request_method; \
             fastcgi_param SCRIPT_FILENAME {at}/hello.php; }}"
        );
    }
    let file = folder.join("fpm.conf");
    fs::write(&file, config).map_err(told)?;
    let mut command = Command::new(program);
    let php = start(bench, command.arg("-y").arg(&file), free_address()?)?;
    let filled = [("LOCATIONS", locations)];
    let mut nginx = start_nginx(bench, nginx, "php-nginx.conf", &filled)?;
    nginx.wait_for("/0")?;
    Ok((php, nginx))
}

/// Starts Passenger with a Node.js application, which ends a second after its
/// last request. Its questions to its makers are switched off.
pub(crate) fn passenger(bench: &Bench, program: &Path, node: &Path) -> Result<Server, String> {
    let address = free_address()?;
    let folder = bench.work.join("passenger");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot set up Passenger: {error}"))?;
    let mut command = Command::new(program);
    command.arg("watchdog").args(["--passenger-root", PASSENGER_PLACES, "--log-level", "1"]);
    command.args(["--no-user-switching", "--instance-registry-dir"]).arg(&folder);
    command.arg("--spawn-dir").arg(&folder);
    command.args(["--BC", "--listen", &format!("tcp://{address}"), "--environment", "production"]);
    command.args(["--app-type", "node", "--startup-file"]).arg(bench.reference.join("node.js"));
    command.args(["--min-instances", "0", "--pool-idle-time", "1", "--no-graceful-exit"]);
    command.args(["--disable-security-update-check", "--disable-anonymous-telemetry"]);
    command.arg("--nodejs").arg(node).args(["--default-user", "root", "--default-group", "root"]);
    command.arg(&bench.reference).arg("--EC");
    let mut server = start(bench, &mut command, address)?;
    server.wait_for("/")?;
    Ok(server)
}

/// Starts plain Node.
pub(crate) fn node(bench: &Bench, program: &Path) -> Result<Server, String> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg(bench.reference.join("node.js")).arg(address.port().to_string());
    let mut server = start(bench, command.stdout(Stdio::piped()), address)?;
    server.wait_for_word()?;
    Ok(server)
}

/// Starts workerd, which does not say when it listens.
pub(crate) fn workerd(bench: &Bench, program: &Path) -> Result<Server, String> {
    let address = free_address()?;
    let config = fill_in(bench, "workerd.capnp", &[("LISTEN", address.to_string())])?;
    let mut command = Command::new(program);
    let mut server = start(bench, command.arg("serve").arg(config), address)?;
    server.wait_for("/")?;
    Ok(server)
}
