//! The common name of a client's certificate.
//!
//! By the time that it is asked for, rustls has checked the certificate against our authorities, so this reads what an
//! authority of ours has signed; it reads it as if it were a stranger's all the same.
//!
//! ```text
//! Certificate     SEQUENCE { tbsCertificate, … }
//! tbsCertificate  SEQUENCE { [0] version?, serial INTEGER, algorithm SEQUENCE, issuer SEQUENCE, validity SEQUENCE,
//!                            subject SEQUENCE { SET { SEQUENCE { OID, string } … } … }, … }
//! ```

const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const IA5: u8 = 0x16;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
/// 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// The subject's common name. A subject with several has none: two readers might take different ones for it.
pub(crate) fn common_name(certificate: &[u8]) -> Option<String> {
    let mut names = Vec::new();
    let mut subject = subject(certificate)?;
    while !subject.0.is_empty() {
        let mut set = subject.inside(SET)?;
        while !set.0.is_empty() {
            let mut pair = set.inside(SEQUENCE)?;
            let kind = pair.inside(OID)?;
            let (tag, value) = pair.next()?;
            if kind.0 == COMMON_NAME {
                names.push(match tag {
                    UTF8 | PRINTABLE | IA5 => std::str::from_utf8(value.0).ok()?,
                    _ => return None,
                });
            }
        }
    }
    match names[..] {
        [name] if !name.is_empty() => Some(name.to_owned()),
        _ => None,
    }
}

fn subject(certificate: &[u8]) -> Option<Der<'_>> {
    let mut to_be_signed = Der(certificate).inside(SEQUENCE)?.inside(SEQUENCE)?;
    if to_be_signed.0.first() == Some(&VERSION) {
        to_be_signed.next()?;
    }
    to_be_signed.inside(INTEGER)?;
    for _algorithm_issuer_validity in 0..3 {
        to_be_signed.inside(SEQUENCE)?;
    }
    to_be_signed.inside(SEQUENCE)
}

/// What is left to read of some DER.
struct Der<'a>(&'a [u8]);

impl Der<'_> {
    /// The next value, which must be of this kind.
    fn inside(&mut self, tag: u8) -> Option<Self> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    fn next(&mut self) -> Option<(u8, Self)> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            // No certificate has 16 MiB.
            let (digits, rest) =
                rest.split_at_checked(usize::from(first & 0x7f)).filter(|(d, _)| d.len() <= 3)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, Der(value)))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn certificate(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["host.example".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), *name);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn names() {
        let long = "n".repeat(300);
        for (names, expected) in [
            (vec![(DnType::CommonName, "kube-apiserver")], Some("kube-apiserver")),
            (vec![(DnType::OrganizationName, "system:masters"), (DnType::CommonName, "ü")], Some("ü")),
            (vec![(DnType::CommonName, &*long)], Some(&*long)),
            (vec![(DnType::OrganizationName, "system:masters")], None),
            (vec![], None),
        ] {
            assert_eq!(common_name(&certificate(&names)).as_deref(), expected);
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_no_panic() {
        let whole = certificate(&[(DnType::CommonName, "kube-apiserver")]);
        for length in 0..whole.len() {
            common_name(&whole[..length]);
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[length] = value;
                common_name(&changed);
            }
        }
    }
}
