//! What of the network a guest may reach.

use std::net::IpAddr;
use std::str::FromStr;

use http::Method;
use ipnet::IpNet;
use isolate_core::url::{Host, Url};

use super::is_public;
use crate::{FetchError, FetchErrorKind};

/// Hosts that a guest may reach: `example.com`, `*.example.com` (its subdomains, not itself), `1.2.3.4`, `[::1]`, or `*`
/// (all), each with a port or without one (`example.com:443`), which means all ports.
///
/// ```
/// use isolate_fetch::network::HostRule;
///
/// let rule: HostRule = "*.example.com:443".parse()?;
/// assert!(rule.matches("api.example.com", 443) && !rule.matches("example.com", 443));
/// # Ok::<_, isolate_fetch::FetchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    host: HostPattern,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    All,
    /// As a URL has it: lowercase, Punycode, an IPv6 address in brackets.
    Exact(String),
    /// What a host must end with, from the dot on.
    Below(String),
    Address(IpAddr),
}

impl FromStr for HostRule {
    type Err = FetchError;

    fn from_str(text: &str) -> Result<Self, FetchError> {
        let wrong = || {
            let message =
                format!("'{text}' is no host: write for example example.com, *.example.com:443 or [::1]:8080");
            FetchError::new(FetchErrorKind::Malformed, message)
        };
        let (host, port) = match text.rsplit_once(':') {
            // What is in brackets has colons of its own.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| wrong())?)),
            _ => (text, None),
        };
        let parsed = |host: &str| Host::parse(host).map_err(|_| wrong());
        let host = match host {
            "*" => HostPattern::All,
            _ if host.starts_with("*.") => match parsed(&host[2..])? {
                Host::Domain(domain) if !domain.contains('*') => HostPattern::Below(format!(".{domain}")),
                _ => return Err(wrong()),
            },
            _ => match parsed(host)? {
                Host::Domain(domain) if domain.contains('*') => return Err(wrong()),
                Host::Domain(domain) => HostPattern::Exact(domain),
                Host::Ipv4(address) => HostPattern::Address(address.into()),
                Host::Ipv6(address) => HostPattern::Address(address.into()),
            },
        };
        Ok(Self { host, port })
    }
}

impl HostRule {
    /// Whether it names a host, as a URL has it, and a port.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|p| p == port) && self.names(host)
    }

    fn names(&self, host: &str) -> bool {
        // A domain with a dot at its end is the same domain.
        let host = host.strip_suffix('.').unwrap_or(host);
        match &self.host {
            HostPattern::All => true,
            HostPattern::Exact(exact) => host == exact,
            HostPattern::Below(end) => host.len() > end.len() && host.ends_with(end.as_str()),
            HostPattern::Address(address) => literal(host) == Some(*address),
        }
    }

    /// Whether it names this very host, so that its addresses need not be public.
    fn is_for(&self, host: &str) -> bool {
        match &self.host {
            HostPattern::Address(_) => self.names(host),
            HostPattern::Exact(name) => name == "localhost" && self.names(host),
            _ => false,
        }
    }

    /// Whether it was written for this very address, which then need not be public.
    fn grants(&self, host: &str, address: IpAddr) -> bool {
        match &self.host {
            // Not when some name resolves to it: whoever has the name could choose the port.
            HostPattern::Address(granted) => *granted == address && literal(host).is_some(),
            HostPattern::Exact(name) => name == "localhost" && self.names(host) && address.is_loopback(),
            _ => false,
        }
    }
}

/// The address that a host of a URL is, if it is one.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// What of the network a guest may reach. At first nothing.
///
/// It is looked at for each request, redirects included, and once more when a name has been resolved: the address that
/// is connected to is one that was looked at, whatever the name resolves to next (DNS rebinding). Addresses that are not
/// [public](is_public) are refused, unless a rule names the address itself (`127.0.0.1:8080`), or `localhost`, or they are
/// [allowed](Self::allow_addresses).
#[derive(Clone, Debug)]
pub struct NetworkPolicy {
    hosts: Vec<HostRule>,
    denied: Vec<HostRule>,
    methods: Option<Vec<Method>>,
    http: bool,
    addresses: Vec<IpNet>,
}

impl Default for NetworkPolicy {
    fn default() -> Self {
        Self { hosts: Vec::new(), denied: Vec::new(), methods: None, http: true, addresses: Vec::new() }
    }
}

fn refused(message: impl Into<String>) -> FetchError {
    FetchError::new(FetchErrorKind::Refused, message)
}

impl NetworkPolicy {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows hosts.
    #[must_use]
    pub fn allow(mut self, rule: HostRule) -> Self {
        self.hosts.push(rule);
        self
    }

    /// Allows hosts, as text.
    ///
    /// # Errors
    /// If it is no [`HostRule`].
    pub fn allow_host(self, rule: &str) -> Result<Self, FetchError> {
        Ok(self.allow(rule.parse()?))
    }

    /// Refuses hosts, whatever is allowed.
    #[must_use]
    pub fn deny(mut self, rule: HostRule) -> Self {
        self.denied.push(rule);
        self
    }

    /// Sets the methods that are allowed. Default: all.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = Some(methods.into_iter().collect());
        self
    }

    /// Sets whether `http:` and `ws:`, which have no TLS, are allowed. Default: yes.
    #[must_use]
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.http = allow;
        self
    }

    /// Allows addresses that are not public, for the names that are allowed.
    #[must_use]
    pub fn allow_addresses(mut self, addresses: IpNet) -> Self {
        self.addresses.push(addresses);
        self
    }

    /// Whether a request may be sent.
    ///
    /// # Errors
    /// Of the kind [`Refused`](FetchErrorKind::Refused), with what is not allowed.
    pub fn check(&self, method: &Method, url: &Url) -> Result<(), FetchError> {
        match url.scheme() {
            "https" | "wss" => {}
            "http" | "ws" if self.http => {}
            scheme => return Err(refused(format!("the host does not allow the scheme '{scheme}'"))),
        }
        if self.methods.as_ref().is_some_and(|methods| !methods.contains(method)) {
            return Err(refused(format!("the host does not allow the method {method}")));
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let listed = |rules: &[HostRule]| rules.iter().any(|rule| rule.matches(host, port));
        if !listed(&self.hosts) || listed(&self.denied) {
            return Err(refused(format!("the host does not allow {host}:{port}")));
        }
        // A rule for a host of this machine or of a private network is for its port alone, whatever else is allowed.
        let local = |rule: &&HostRule| rule.is_for(host);
        let mut own = self.hosts.iter().filter(local).peekable();
        if own.peek().is_some() && !own.any(|rule| rule.matches(host, port)) && !literal(host).is_some_and(is_public) {
            return Err(refused(format!("the host does not allow {host}:{port}")));
        }
        match literal(host) {
            Some(address) => self.check_address(host, address),
            None => Ok(()),
        }
    }

    /// Whether an address may be connected to that a name has resolved to, or that the name is.
    ///
    /// # Errors
    /// Of the kind [`Refused`](FetchErrorKind::Refused). The address is not in the message: a guest could map the network
    /// with it.
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), FetchError> {
        let canonical = address.to_canonical();
        let allowed = is_public(address)
            || self.addresses.iter().any(|net| net.contains(&canonical) || net.contains(&address))
            || self.hosts.iter().any(|rule| rule.grants(host, address) || rule.grants(host, canonical));
        if allowed { Ok(()) } else { Err(refused(format!("the address of {host} is not public"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[&str]) -> NetworkPolicy {
        rules.iter().fold(NetworkPolicy::new(), |policy, rule| policy.allow_host(rule).unwrap())
    }

    fn allows(policy: &NetworkPolicy, url: &str) -> bool {
        policy.check(&Method::GET, &Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn rules_match_as_they_say() {
        let p = policy(&["Example.com", "*.b.org:443", "bücher.example", "localhost:8080", "10.0.0.1", "[::1]:80"]);
        for url in [
            "http://example.com/",
            "https://EXAMPLE.com:8443/x",
            "https://example.com./",
            "https://a.b.org/",
            "wss://a.c.b.org/",
            "http://xn--bcher-kva.example/",
            "http://localhost:8080/",
            "http://10.0.0.1/",
            "http://0xa.1/",
            "http://[::1]/",
        ] {
            assert!(allows(&p, url), "{url}");
        }
        for url in [
            "http://sub.example.com/",
            "http://notexample.com/",
            "https://b.org/",
            "http://a.b.org/",
            "https://xb.org/",
            "http://localhost/",
            "http://127.0.0.1:8080/",
            "http://10.0.0.2/",
            "http://[::1]:81/",
            "ftp://example.com/",
            "http://example.com.evil.org/",
        ] {
            assert!(!allows(&p, url), "{url}");
        }
        assert!(!allows(&NetworkPolicy::new(), "https://example.com/"), "at first nothing");
        for bad in ["", "a b", "*.*", "*.1.2.3.4", "a*.b", "example.com:port", "example.com:99999", "[::1", "exa/mple"]
        {
            assert!(bad.parse::<HostRule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn everything_is_not_the_private_network() {
        let p = policy(&["*"]);
        assert!(allows(&p, "https://example.com/") && allows(&p, "http://1.1.1.1/"));
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://169.254.169.254/latest/meta-data",
            "http://10.1.2.3/",
            "http://192.168.1.1/",
            "http://[fd00:ec2::254]/",
            "http://0/",
            "http://[64:ff9b::169.254.169.254]/",
        ] {
            assert!(!allows(&p, url), "{url}");
        }
        // Names are looked at when they are resolved.
        assert!(p.check_address("localhost", "127.0.0.1".parse().unwrap()).is_err());
        assert!(p.check_address("rebind.example", "10.0.0.1".parse().unwrap()).is_err());
        let p = policy(&["localhost"]);
        assert!(p.check_address("localhost", "127.0.0.1".parse().unwrap()).is_ok());
        assert!(p.check_address("localhost", "::1".parse().unwrap()).is_ok());
        assert!(p.check_address("localhost", "10.0.0.1".parse().unwrap()).is_err());
        let p = policy(&["*", "127.0.0.1:8080", "localhost:80", "1.1.1.1:80"]);
        assert!(
            allows(&p, "http://127.0.0.1:8080/") && allows(&p, "http://localhost/") && allows(&p, "http://1.1.1.1:81/")
        );
        assert!(!allows(&p, "http://127.0.0.1/") && !allows(&p, "http://localhost:81/"), "those ports alone");
        assert!(p.check_address("rebind.example", "127.0.0.1".parse().unwrap()).is_err());
        let p = policy(&["*"]).allow_addresses("10.0.0.0/8".parse().unwrap());
        assert!(p.check_address("internal.example", "10.9.9.9".parse().unwrap()).is_ok());
        assert!(p.check_address("internal.example", "::ffff:10.9.9.9".parse().unwrap()).is_ok());
        assert!(p.check_address("internal.example", "192.168.0.1".parse().unwrap()).is_err());
    }

    #[test]
    fn methods_schemes_and_what_is_denied() {
        let p = policy(&["*"]).methods([Method::GET]).allow_plain_http(false).deny("*.evil.org".parse().unwrap());
        let url = |url: &str| Url::parse(url).unwrap();
        assert!(p.check(&Method::GET, &url("https://a.org/")).is_ok());
        assert!(p.check(&Method::POST, &url("https://a.org/")).is_err());
        assert!(p.check(&Method::GET, &url("http://a.org/")).is_err());
        assert!(p.check(&Method::GET, &url("https://a.evil.org/")).is_err());
    }
}
