//! Which addresses a process with network access may connect to.
//!
//! Everything but this machine, what is link-local, and the places where
//! clouds hand out their machines' credentials; unless the operator named an
//! exception.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Networks that no process reaches. Loopback, "this host" and link-local by
/// the address registries; then where Oracle, Alibaba, Amazon and Google answer
/// for metadata outside of these; then what is for more than one receiver.
const DENIED: [&str; 14] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.192/32",
    "100.100.100.200/32",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "fe80::/10",
    "fec0::/10",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "ff00::/8",
];
/// Where name servers answer.
const DNS_PORT: u16 = 53;

/// Addresses with a common beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Net {
    address: IpAddr,
    bits: u8,
}

impl Net {
    fn holds(self, other: IpAddr) -> bool {
        let common = |one: u128, other: u128, width: u8| {
            let shift = width - self.bits;
            // Shifting by the whole width is not defined.
            shift == 128 || (one >> shift) == (other >> shift)
        };
        match (self.address, other) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                common(one.to_bits().into(), other.to_bits().into(), 32)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => common(one.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Net {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| ())?;
        if bits <= width { Ok(Self { address, bits }) } else { Err(()) }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Addresses that the operator allows although they would be denied, each
/// `ADDRESS`, `ADDRESS/BITS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Exception {
    net: Net,
    port: Option<u16>,
}

impl FromStr for Exceptions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let exception = |word: &str| {
            if let Ok(address) = word.parse::<SocketAddr>() {
                let net =
                    Net { address: address.ip(), bits: if address.is_ipv4() { 32 } else { 128 } };
                return Ok(Exception { net, port: Some(address.port()) });
            }
            let net = word.trim_matches(['[', ']']).parse();
            net.map(|net| Exception { net, port: None })
                .map_err(|()| format!("`{word}` is not an address"))
        };
        words.map(exception).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, exception) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match exception.port {
                Some(port) => write!(f, "{comma}{}", SocketAddr::new(exception.net.address, port))?,
                None => write!(f, "{comma}{}", exception.net)?,
            }
        }
        Ok(())
    }
}

impl Exceptions {
    /// Whether a process may connect there.
    pub fn allow(&self, address: IpAddr, port: u16) -> bool {
        let meant = meant(address);
        let named = |exception: &Exception| {
            exception.net.holds(meant) && exception.port.is_none_or(|named| named == port)
        };
        if self.0.iter().any(named) {
            return true;
        }
        let denied = DENIED.iter().filter_map(|net| net.parse::<Net>().ok());
        let denied = denied.into_iter().any(|net| net.holds(meant)) || is_own(meant);
        // A resolver often listens on this very machine, or where the cloud
        // has its metadata; a name must be looked up all the same.
        !denied || (port == DNS_PORT && is_name_server(meant))
    }

    /// What Deno is told to deny, in the form of its flag. It knows prefixes
    /// for version 4 only, and no exceptions within them.
    pub fn denied_hosts(&self) -> Vec<String> {
        let own = own_addresses().unwrap_or_default();
        let own = own
            .into_iter()
            .map(|address| Net { address, bits: if address.is_ipv4() { 32 } else { 128 } });
        let nets = DENIED.iter().filter_map(|net| net.parse::<Net>().ok()).chain(own);
        let excepted =
            |net: &Net| self.0.iter().any(|e| net.holds(e.net.address) || e.net.holds(net.address));
        nets.filter(|net| !excepted(net))
            .filter_map(|net| match net.address {
                IpAddr::V4(_) if net.bits < 32 => Some(net.to_string()),
                IpAddr::V4(address) => Some(address.to_string()),
                IpAddr::V6(address) if net.bits == 128 => Some(format!("[{address}]")),
                IpAddr::V6(_) => None,
            })
            .collect()
    }
}

/// The address that is reached in the end: version 6 has several ways to write
/// one of version 4.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(long) = address else { return address };
    let parts = long.segments();
    let [.., high, low] = parts;
    let last = Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match parts {
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        // Mapped, compatible, and both kinds of translation.
        [0, 0, 0, 0, 0, 0xffff | 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, ..] => {
            last.into()
        }
        // 6to4 carries it at its beginning.
        [0x2002, high, low, ..] => {
            Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into()
        }
        _ => Ipv6Addr::from(parts).into(),
    }
}

/// Whether it is an address of this machine: what listens on every address,
/// such as the gateway, listens there too.
fn is_own(address: IpAddr) -> bool {
    // Where the kernel does not say, nothing is known to be harmless.
    own_addresses().is_none_or(|own| own.contains(&address))
}

fn own_addresses() -> Option<Vec<IpAddr>> {
    let interfaces = nix::ifaddrs::getifaddrs().ok()?;
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|own| IpAddr::from(own.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|own| IpAddr::from(own.ip())))
    };
    Some(interfaces.filter_map(address).collect())
}

/// Whether this machine asks that one for names. Read anew each time: it may
/// change while the server runs.
fn is_name_server(address: IpAddr) -> bool {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|server| server.trim().split('%').next()?.parse().ok())
        .any(|server: IpAddr| meant(server) == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(exceptions: &str, address: &str) -> bool {
        let address: SocketAddr = address.parse().unwrap();
        exceptions.parse::<Exceptions>().unwrap().allow(address.ip(), address.port())
    }

    #[test]
    fn this_machine_and_metadata_are_denied_in_every_form() {
        for denied in [
            "127.0.0.1:80",
            "127.255.0.3:80",
            "0.0.0.0:8000",
            "0.1.2.3:80",
            "169.254.169.254:80",
            "169.254.0.1:53",
            "192.0.0.192:80",
            "100.100.100.200:80",
            "239.1.2.3:80",
            "255.255.255.255:80",
            "[::]:80",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
            "[::127.0.0.1]:80",
            "[::ffff:0:127.0.0.1]:80",
            "[64:ff9b::169.254.169.254]:80",
            "[64:ff9b:1::7f00:1]:80",
            "[2002:7f00:1::]:80",
            "[fe80::1]:80",
            "[febf::1]:80",
            "[fec0::1]:80",
            "[fd00:ec2::254]:80",
            "[ff02::1]:80",
        ] {
            assert!(!allows("", denied), "{denied}");
        }
    }

    #[test]
    fn other_machines_are_reached() {
        for allowed in ["198.51.100.1:80", "[2001:db8::1]:443", "10.255.254.253:5432"] {
            assert!(allows("", allowed), "{allowed}");
        }
    }

    #[test]
    fn an_exception_is_as_wide_as_it_is_written() {
        assert!(allows("127.0.0.1:5432", "127.0.0.1:5432"));
        assert!(allows("127.0.0.1:5432", "[::ffff:127.0.0.1]:5432"));
        assert!(!allows("127.0.0.1:5432", "127.0.0.1:5433"));
        assert!(allows("[::1]:80, 169.254.0.0/16", "169.254.169.254:80"));
        assert!(allows("[::1]:80", "[::1]:80"));
        assert!(!allows("[::1]:80", "[::1]:81"));
        assert!(allows("::/0,0.0.0.0/0", "[fe80::1]:1"));
        for wrong in ["localhost", "127.0.0.1/33", "1.2.3", "[::1]:x"] {
            assert!(wrong.parse::<Exceptions>().is_err(), "{wrong}");
        }
        let text = "127.0.0.1:5432,169.254.0.0/16,[::1]:80";
        assert_eq!(text.parse::<Exceptions>().unwrap().to_string(), text);
    }

    #[test]
    fn deno_is_told_what_it_can_understand() {
        let hosts = Exceptions::default().denied_hosts();
        assert!(hosts.contains(&"127.0.0.0/8".to_owned()), "{hosts:?}");
        assert!(hosts.contains(&"[::1]".to_owned()), "{hosts:?}");
        for own in own_addresses().unwrap_or_default() {
            assert!(!Exceptions::default().allow(own, 80), "{own}");
            let told = hosts.iter().any(|host| host.trim_matches(['[', ']']) == own.to_string());
            assert!(told || own.is_loopback(), "{own}: {hosts:?}");
        }
        let hosts = "127.0.0.1:80".parse::<Exceptions>().unwrap().denied_hosts();
        assert!(!hosts.contains(&"127.0.0.0/8".to_owned()), "{hosts:?}");
        assert!(hosts.contains(&"169.254.0.0/16".to_owned()), "{hosts:?}");
    }
}
