//! The guard's tables.
//!
//! Must not know: anything but the guard.

use proptest::prelude::*;

use super::*;

fn guard(allow: &[&str]) -> Guard {
    Guard::new(allow.iter().map(|text| AllowedDestination::parse(text).expect("a valid rule")).collect())
}

fn destination(url: &str) -> Destination {
    Destination::parse(url).unwrap_or_else(|rule| panic!("{url} {rule}"))
}

#[test]
fn only_a_plain_http_url_is_taken() {
    for url in [
        "http://example.com",
        "https://example.com:8443/a/b?c=d",
        "HTTPS://EXAMPLE.com",
        "http://пример.укр/",
        "http://[2606:4700::1111]/",
    ] {
        assert!(Destination::parse(url).is_ok(), "{url}");
    }
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    for url in [
        "",
        "example.com",
        "/hook",
        "ftp://example.com",
        "file:///etc/passwd",
        "gopher://example.com",
        "javascript:alert(1)",
        "http://",
        "http://user@example.com",
        "http://user:password@example.com",
        "http://:password@example.com",
        "http://example.com/#part",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://exa mple.com",
        " http://example.com",
        "http://exam\nple.com",
        "http://exam\tple.com",
        "http://example.com/\u{0}",
        "http://[::1",
        "http://1.2.3.256/",
        "http://%00/",
        &long,
    ] {
        assert!(Destination::parse(url).is_err(), "{url:?}");
    }
}

#[test]
fn a_url_is_taken_apart_as_it_is_sent() {
    let url = destination("https://Example.com/a%20b/?q=ї");
    assert_eq!((url.authority(), url.port(), url.is_tls()), ("example.com", 443, true));
    assert_eq!(url.target(), "/a%20b/?q=%D1%97");
    let url = destination("http://example.com:8080");
    assert_eq!((url.authority(), url.port(), url.target(), url.is_tls()), ("example.com:8080", 8080, "/", false));
}

#[test]
fn an_internal_address_is_refused_however_it_is_spelt() {
    use Internal::*;
    for (host, kind) in [
        ("127.0.0.1", Loopback),
        ("127.255.255.254", Loopback),
        ("127.1", Loopback),
        ("2130706433", Loopback),
        ("0x7f000001", Loopback),
        ("0x7f.1", Loopback),
        ("0x7f.0x0.0x0.0x1", Loopback),
        ("0177.0.0.1", Loopback),
        ("017700000001", Loopback),
        ("0X7F.0.0.1", Loopback),
        ("127.0.0.1.", Loopback),
        ("%31%32%37.0.0.1", Loopback),
        ("127\u{3002}0\u{3002}0\u{3002}1", Loopback),
        ("127\u{ff0e}0\u{ff0e}0\u{ff0e}1", Loopback),
        ("１２７.0.0.1", Loopback),
        ("①②⑦.0.0.1", Loopback),
        ("[::1]", Loopback),
        ("[0:0:0:0:0:0:0:1]", Loopback),
        ("[::ffff:127.0.0.1]", Loopback),
        ("[::ffff:7f00:1]", Loopback),
        ("[::127.0.0.1]", Loopback),
        ("[::ffff:0:127.0.0.1]", Loopback),
        ("[64:ff9b::7f00:1]", Loopback),
        ("[2002:7f00:1::]", Loopback),
        ("localhost", Loopback),
        ("LOCALHOST", Loopback),
        ("localhost.", Loopback),
        ("a.b.localhost", Loopback),
        ("ｌocalhost", Loopback),
        ("0", Unspecified),
        ("0.0.0.0", Unspecified),
        ("0.1.2.3", Unspecified),
        ("[::]", Unspecified),
        ("[::ffff:0.0.0.0]", Unspecified),
        ("10.0.0.1", Private),
        ("167772161", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("192.168.1.1", Private),
        ("0300.0250.1.1", Private),
        ("[::ffff:10.0.0.1]", Private),
        ("[64:ff9b::192.168.0.1]", Private),
        ("[2002:c0a8:101::1]", Private),
        ("[2606:4700::5efe:10.0.0.1]", Private),
        ("169.254.169.254", Metadata),
        ("2852039166", Metadata),
        ("0xa9fea9fe", Metadata),
        ("[::ffff:169.254.169.254]", Metadata),
        ("[::ffff:a9fe:a9fe]", Metadata),
        ("[64:ff9b::a9fe:a9fe]", Metadata),
        ("169.254.170.2", Metadata),
        ("168.63.129.16", Metadata),
        ("192.0.0.192", Metadata),
        ("169.254.0.1", LinkLocal),
        ("[fe80::1]", LinkLocal),
        ("[febf::1]", LinkLocal),
        ("100.64.0.1", SharedNetwork),
        ("100.100.100.200", SharedNetwork),
        ("100.127.255.255", SharedNetwork),
        ("224.0.0.1", Multicast),
        ("239.255.255.250", Multicast),
        ("[ff02::1]", Multicast),
        ("[fd00:ec2::254]", UniqueLocal),
        ("[fc00::1]", UniqueLocal),
        ("192.0.0.1", Reserved),
        ("192.0.2.1", Reserved),
        ("192.88.99.1", Reserved),
        ("198.18.0.1", Reserved),
        ("198.19.255.255", Reserved),
        ("198.51.100.7", Reserved),
        ("203.0.113.7", Reserved),
        ("240.0.0.1", Reserved),
        ("255.255.255.255", Reserved),
        ("[::8.8.8.8]", Reserved),
        ("[64:ff9b:1::808:808]", Reserved),
        ("[100::1]", Reserved),
        ("[2001::1]", Reserved),
        ("[2001:2::1]", Reserved),
        ("[2001:20::1]", Reserved),
        ("[2001:db8::1]", Reserved),
        ("[3fff::1]", Reserved),
        ("[2002:808:808::1]", Reserved),
        ("[fec0::1]", Reserved),
        ("[4000::1]", Reserved),
    ] {
        let url = destination(&format!("http://{host}:8080/hook"));
        let refusal = guard(&[]).check_literal(&url).expect_err(host);
        assert_eq!(refusal.kind, kind, "{host}");
        assert!(refusal.to_string().contains("`webhooks.allow`"), "{refusal}");
    }
}

#[test]
fn a_public_address_is_let_through() {
    for host in [
        "8.8.8.8",
        "134744072",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "[2606:4700:4700::1111]",
        "[2a00:1450::1]",
        "[2001:200::1]",
        "[2001:4860:4860::8888]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::808:808]",
        "[3fff:1000::1]",
        "example.com",
        "localhost.example.com",
        "notlocalhost",
    ] {
        assert_eq!(guard(&[]).check_literal(&destination(&format!("https://{host}/"))), Ok(()), "{host}");
    }
}

#[test]
fn what_is_listed_is_let_through_and_nothing_beside_it() {
    let inside: IpAddr = "10.1.2.3".parse().expect("an address");
    let loopback: IpAddr = Ipv4Addr::LOCALHOST.into();
    for (rule, url, address, open) in [
        ("10.0.0.0/8", "http://10.1.2.3/", inside, true),
        ("10.0.0.0/8", "http://receiver.example/", inside, true),
        ("10.2.0.0/16", "http://10.1.2.3/", inside, false),
        ("10.1.2.3", "http://10.1.2.3:9/", inside, true),
        ("10.1.2.4", "http://10.1.2.3:9/", inside, false),
        ("10.1.2.3:9", "http://10.1.2.3:9/", inside, true),
        ("10.1.2.3:80", "http://10.1.2.3/", inside, true),
        ("10.1.2.3:9", "http://10.1.2.3:10/", inside, false),
        ("10.1.2.3:9", "http://receiver.example:9/", inside, true),
        ("receiver.example", "http://receiver.example/", inside, true),
        ("Receiver.Example.", "https://receiver.example:1/", inside, true),
        ("receiver.example", "http://receiver.example./", inside, true),
        ("receiver.example", "http://other.receiver.example/", inside, false),
        ("receiver.example", "http://10.1.2.3/", inside, false),
        ("receiver.example:443", "https://receiver.example/", inside, true),
        ("receiver.example:443", "http://receiver.example/", inside, false),
        ("localhost:8080", "http://localhost:8080/", loopback, true),
        ("localhost", "http://127.0.0.1/", loopback, false),
        ("127.0.0.0/8", "http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1".parse().expect("an address"), true),
        ("[::1]:8080", "http://[::1]:8080/", Ipv6Addr::LOCALHOST.into(), true),
        ("::1", "http://[::1]/", Ipv6Addr::LOCALHOST.into(), true),
        ("::1/128", "http://127.0.0.1/", loopback, false),
    ] {
        let outcome = guard(&["192.168.0.0/16", rule]).check(&destination(url), address);
        assert_eq!(outcome.is_ok(), open, "{rule} for {url} at {address}");
    }
}

proptest! {
    /// Whatever stands inside an IPv6 address in one of the forms a machine unpacks decides.
    #[test]
    fn an_embedded_address_is_as_internal_as_itself(bits: u32) {
        let v4 = Ipv4Addr::from(bits);
        let plain = internal(v4.into());
        prop_assert_eq!(internal(v4.to_ipv6_mapped().into()), plain);
        let nat64 = Ipv6Addr::from((0x0064_ff9b_u128 << 96) | u128::from(bits));
        prop_assert_eq!(internal(nat64.into()), plain);
        let six_to_four = Ipv6Addr::from((0x2002_u128 << 112) | (u128::from(bits) << 80));
        prop_assert!(internal(six_to_four.into()).is_some());
    }

    /// The standard library's word for each IPv4 address, where it has one, is ours.
    #[test]
    fn nothing_the_standard_library_calls_internal_is_let_through(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let known = address.is_loopback() || address.is_private() || address.is_link_local() || address.is_multicast()
            || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
        prop_assert!(!known || internal(address.into()).is_some());
    }

    /// Every number form of an address parses to it, and the verdict is that of the address.
    #[test]
    fn every_spelling_has_the_verdict_of_its_address(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let [a, b, c, d] = address.octets();
        let rest = u32::from_be_bytes([0, b, c, d]);
        for spelling in [
            bits.to_string(),
            format!("{bits:#x}"),
            format!("0{bits:o}"),
            format!("{a:#x}.{b}.0{c:o}.{d}"),
            format!("{a}.{rest}"),
            format!("{a}\u{ff0e}{b}\u{3002}{c}.{d}"),
        ] {
            let url = destination(&format!("http://{spelling}/"));
            prop_assert_eq!(url.host(), Host::<&str>::Ipv4(address), "{}", spelling);
            prop_assert_eq!(guard(&[]).check_literal(&url).is_err(), internal(address.into()).is_some());
        }
    }

    /// Outside 2000::/3 nothing is public but what embeds a public IPv4 address.
    #[test]
    fn unrouted_ipv6_is_refused(bits: u128) {
        let address = Ipv6Addr::from(bits);
        prop_assert!((0x2000..0x4000).contains(&address.segments()[0]) || internal(address.into()).is_some());
    }

    /// No text makes the parser or the guard panic.
    #[test]
    fn any_text_has_an_answer(text in "(https?://)?.{0,60}") {
        if let Ok(url) = Destination::parse(&text) {
            let _ = guard(&[]).check_literal(&url);
        }
    }
}
