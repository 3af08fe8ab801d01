//! On messages of Linux 6.18, as recorded (x86-64: little-endian).

use super::*;

/// A veth that is a port of a bridge, up: `p0@eth0`.
const VETH: &str = include_str!("veth.hex");
/// 10.0.0.5/24 dev eth0
const PLAIN: &str = "0218800003000000080001000a000005080002000a000005090003006574683000000000080008008000000014000600fffffffffffffffff2602500f2602500";
/// 10.1.0.5 peer 10.1.0.6/32 dev eth0
const PEER: &str = "0220800003000000080001000a010006080002000a010005090003006574683000000000080008008000000014000600fffffffffffffffff2602500f2602500";
/// 10.0.0.6/24 secondary eth0:1
const ALIAS: &str = "0218810003000000080001000a000006080002000a0000060b000300657468303a310000080008008100000014000600fffffffffffffffff2602500f2602500";
/// 2001:db8::6/64 nodad deprecated
const DEPRECATED: &str = "0a40a200030000001400010020010db80000000000000000000000061400060000000000fffffffff2602500f260250008000800a2000000";
/// default via 10.0.0.9 dev eth0 table 300 metric 50
const OTHER_TABLE: &str =
    "02000000fc0300010000000008000f002c0100000800060032000000080005000a0000090800040003000000";
/// default tos 0x08 via 10.0.0.3 dev eth0 metric 30
const TOS: &str =
    "02000008fe0300010000000008000f00fe000000080006001e000000080005000a0000030800040003000000";
/// unreachable default metric 20
const UNREACHABLE: &str = "02000000fe0300070000000008000f00fe0000000800060014000000";
/// default src 10.0.0.5 metric 100, nexthop via 10.0.0.1 dev eth0, nexthop via 10.0.0.2 dev eth0
const MULTIPATH: &str = "02000000fe0400010000000008000f00fe0000000800060064000000080007000a000005240009001000000003000000080005000a0000011000000003000000080005000a000002";
/// 10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5
const NETWORK: &str =
    "02180000fe02fd010000000008000f00fe000000080001000a000000080007000a0000050800040003000000";
/// default via 2001:db8::1 dev eth0 metric 7
const V6: &str = "0a000000fe0300010000000008000f00fe00000008000600070000001400050020010db8000000000000000000000001080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000";
/// unreachable default dev lo metric 5, of IPv6
const UNREACHABLE_V6: &str = "0a000000fe0300070000000008000f00fe0000000800060005000000080004000100000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(String::from_iter);
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).expect("hexadecimal"))
        .collect()
}

/// An attribute as the kernel lays it out.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).expect("a short value");
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn a_link_has_a_name_flags_a_kind_and_a_master() {
    let link = link(&bytes(VETH)).expect("a link");
    assert_eq!((link.index, link.name.as_str()), (2, "p0"));
    assert_eq!((link.kind.as_deref(), link.master), (Some("veth"), Some(4)));
    let up = libc::IFF_UP | libc::IFF_RUNNING;
    assert_eq!(link.flags & up.cast_unsigned(), up.cast_unsigned());
}

#[test]
fn an_address_has_a_network_flags_and_a_scope() {
    let read = |hex: &str| address(&bytes(hex)).expect("an address");
    let plain = read(PLAIN);
    assert_eq!(
        (plain.index, plain.net.to_string().as_str()),
        (3, "10.0.0.5/24")
    );
    assert_eq!((plain.peer, plain.scope), (None, libc::RT_SCOPE_UNIVERSE));
    assert_eq!(plain.flags, libc::IFA_F_PERMANENT);
    let alias = read(ALIAS);
    assert_eq!(alias.net.to_string(), "10.0.0.6/24");
    assert_eq!(alias.flags, libc::IFA_F_PERMANENT | libc::IFA_F_SECONDARY);
    let deprecated = read(DEPRECATED);
    assert_eq!(deprecated.net.to_string(), "2001:db8::6/64");
    assert_ne!(deprecated.flags & libc::IFA_F_DEPRECATED, 0);
}

#[test]
fn of_two_ends_the_own_one_is_taken() {
    let peer = address(&bytes(PEER)).expect("an address");
    assert_eq!(peer.net.to_string(), "10.1.0.5/32");
    assert_eq!(peer.peer, Some([10, 1, 0, 6].into()));
}

#[test]
fn flags_beyond_the_first_eight_are_read_and_unknown_attributes_are_passed_over() {
    let head = [2, 24, 0x80, 0, 3, 0, 0, 0];
    let mut message = head.to_vec();
    message.extend(attribute(99, b"what is to come"));
    message.extend(attribute(libc::IFA_LOCAL, &[10, 0, 0, 5]));
    message.extend(attribute(IFA_FLAGS, &0x880_u32.to_ne_bytes()));
    let address = address(&message).expect("an address");
    assert_eq!(address.flags, 0x880);
    assert_eq!(address.net.to_string(), "10.0.0.5/24");
}

#[test]
fn only_default_routes_of_the_main_table_that_lead_somewhere_are_read() {
    let read = |hex: &str| default_route(&bytes(hex));
    for nothing in [OTHER_TABLE, TOS, UNREACHABLE, UNREACHABLE_V6, NETWORK] {
        assert_eq!(read(nothing), None, "{nothing}");
    }
    let v6 = read(V6).expect("a route");
    assert_eq!(
        (v6.family, v6.metric, v6.links, v6.source),
        (Family::V6, 7, vec![3], None)
    );
}

#[test]
fn each_next_hop_of_a_multipath_route_counts_once_and_a_dead_one_does_not() {
    let mut message = bytes(MULTIPATH);
    let route = default_route(&message).expect("a route");
    assert_eq!((route.metric, route.links), (100, vec![3]));
    assert_eq!(route.source, Some([10, 0, 0, 5].into()));
    // The flags and the link of the second next hop.
    let second = message.len() - 16;
    message[second + 4] = 7;
    let route = default_route(&message).expect("a route");
    assert_eq!(route.links, [3, 7]);
    message[second + 2] = u8::try_from(RTNH_F_LINKDOWN).expect("a byte");
    let route = default_route(&message).expect("a route");
    assert_eq!(route.links, [3]);
}

#[test]
fn a_route_through_a_dead_link_leads_nowhere() {
    let mut message = bytes(V6);
    message[8] |= u8::try_from(RTNH_F_LINKDOWN).expect("a byte");
    assert_eq!(default_route(&message), None);
}

#[test]
fn a_message_that_is_cut_off_or_damaged_is_survived() {
    let all = [VETH, PLAIN, PEER, ALIAS, DEPRECATED, MULTIPATH, V6].map(bytes);
    let read = |message: &[u8]| {
        let read = (link(message), address(message), default_route(message));
        read.0.is_some() || read.1.is_some() || read.2.is_some()
    };
    for message in all {
        assert!(read(&message));
        for end in 0..message.len() {
            read(&message[..end]);
        }
        for at in 0..message.len() {
            for value in [0, 1, 3, 0x7f, 0xff] {
                let mut damaged = message.clone();
                damaged[at] = value;
                read(&damaged);
            }
        }
    }
}
