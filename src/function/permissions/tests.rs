use super::value::is_host;
use super::*;

fn parse(flags: &[&str]) -> Result<Vec<String>, String> {
    Permissions::parse(flags, &OperatorAllows::default())
        .map(|p| p.to_flags())
        .map_err(|e| e.iter().map(|(_, e)| e.to_string()).collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_same_permissions_in_another_order_are_equal() {
    let one = parse(&["--allow-net=b.example,a.example:443", "--allow-read=./data/"]).unwrap();
    let two = parse(&["-R=data", "--allow-net=a.example:443", "-N=b.example"]).unwrap();
    assert_eq!(one, two);
    assert_eq!(one, ["--allow-net=a.example:443,b.example", "--allow-read=data"]);
}

#[test]
fn everything_swallows_single_values() {
    assert_eq!(parse(&["--allow-net=a.example", "--allow-net"]).unwrap(), ["--allow-net"]);
    assert_eq!(parse(&["--allow-net", "--deny-net=a.example"]).unwrap().len(), 2);
}

#[test]
fn each_refusal_names_the_flag_and_what_to_do() {
    for (flag, expected) in [
        ("--allow-all", "name what it needs"),
        ("-A", "name what it needs"),
        ("--allow-run", "--allow-permissions run"),
        ("--allow-run=git", "--allow-permissions run"),
        ("--allow-ffi", "--allow-permissions ffi"),
        ("--allow-import", "imports nothing later"),
        ("--allow-nett", "not a permission flag"),
        ("allow-net", "not a permission flag"),
        ("", "not a permission flag"),
        ("--v8-flags=--x", "not a permission flag"),
        ("--allow-net=", "empty value"),
        ("--allow-net=a,,b", "empty value"),
        ("--allow-net=https://a.example", "not a host"),
        ("--allow-net=unix:/run/x.sock", "not a host"),
        ("--allow-net=a.example:99999", "not a host"),
        ("--allow-net=a b", "not a host"),
        ("--allow-read=/etc", "leaves the function's folder"),
        ("--allow-read=../other", "leaves the function's folder"),
        ("--allow-read=data/../../x", "leaves the function's folder"),
        ("--allow-write=/tmp", "leaves the function's folder"),
        ("--allow-read=./ data", "begins or ends with a blank"),
        ("--allow-write=data/ /", "begins or ends with a blank"),
        ("--allow-net=a\nb", "control character"),
    ] {
        let error = parse(&[flag]).expect_err(flag);
        assert!(error.contains(expected), "{flag}: {error}");
    }
}

#[test]
fn every_bad_flag_is_reported_at_once() {
    let errors = Permissions::parse(&["-A", "-N", "--x"], &OperatorAllows::default());
    assert_eq!(errors.unwrap_err().iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn hosts_addresses_and_ports_are_hosts() {
    for host in
        ["a", "a.b:1", "*.a.b", "1.2.3.4", "1.2.3.4:5", "[::1]", "[::1]:80", "::1", "10.0.0.0/8"]
    {
        assert!(is_host(host), "{host} was refused");
    }
}

#[test]
fn flags_read_back_from_a_published_file() {
    let flags = ["--allow-read=.", "--allow-net=a.example", "--deny-env=SECRET"];
    let permissions = Permissions::parse(&flags, &OperatorAllows::default()).unwrap();
    let json = serde_json::to_string(&permissions).unwrap();
    assert_eq!(serde_json::from_str::<Permissions>(&json).unwrap(), permissions);
}

#[test]
fn what_the_operator_names_is_allowed_and_nothing_else() {
    let operator: OperatorAllows = "run".parse().unwrap();
    let permissions = Permissions::parse(&["--allow-run=git"], &operator).unwrap();
    assert_eq!(permissions.beyond(&operator), None);
    assert_eq!(permissions.beyond(&OperatorAllows::default()), Some(Kind::Run));
    assert!(Permissions::parse(&["--allow-ffi"], &operator).is_err());
    assert!("all".parse::<OperatorAllows>().is_err());
}
