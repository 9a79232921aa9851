//! What a hop asks of its path: is it open, is this address yours, how late is it there.

use super::bytes::{Reader, Writer};
use super::{Error, Kind};
use crate::time::Time;

/// A probe, a path challenge or its response: a token, and padding behind it for probes.
///
/// ```text
/// 0 kind | 1 zero | 2 token (8) | 10 padding ...
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct PathProbe {
    /// [`Kind::Probe`], [`Kind::PathChallenge`] or [`Kind::PathResponse`].
    pub kind: Kind,
    /// Unpredictable for a challenge; a response repeats it.
    pub token: u64,
}

impl PathProbe {
    /// Bytes before the padding.
    pub const LEN: usize = 10;

    /// Reads a body of one of the three kinds; padding is ignored.
    pub fn parse(body: &[u8]) -> Result<PathProbe, Error> {
        let kind = Kind::of(body)?;
        if !matches!(kind, Kind::Probe | Kind::PathChallenge | Kind::PathResponse) {
            return Err(Error::Invalid("kind"));
        }
        let mut reader = Reader::new(body);
        reader.take(2)?;
        Ok(PathProbe { kind, token: reader.u64()? })
    }

    /// Writes the body without padding and returns its length.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(self.kind as u8)?;
        writer.u8(0)?;
        writer.u64(self.token)?;
        Ok(writer.len())
    }
}

/// Asks the other end of the hop for its clock. Sent every second, it also keeps the path open.
///
/// ```text
/// 0 kind | 1 zero | 2 sent (8)
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct TimeRequest {
    /// The asking end's clock.
    pub sent: Time,
}

impl TimeRequest {
    /// Bytes of the body.
    pub const LEN: usize = 10;

    /// Reads a body of kind [`Kind::TimeRequest`].
    pub fn parse(body: &[u8]) -> Result<TimeRequest, Error> {
        if Kind::of(body)? != Kind::TimeRequest {
            return Err(Error::Invalid("kind"));
        }
        let mut reader = Reader::new(body);
        reader.take(2)?;
        Ok(TimeRequest { sent: Time::from_micros(reader.u64()?) })
    }

    /// Writes the body and returns its length.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::TimeRequest as u8)?;
        writer.u8(0)?;
        writer.u64(self.sent.as_micros())?;
        Ok(writer.len())
    }
}

/// The answer, with both clocks (the four timestamps of RFC 5905, section 8).
///
/// ```text
/// 0 kind | 1 zero | 2 request sent (8) | 10 request received (8) | 18 answer sent (8)
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct TimeAnswer {
    /// The asking end's clock, repeated.
    pub sent: Time,
    /// The answering end's clock when the request came.
    pub received: Time,
    /// The answering end's clock when this answer left.
    pub answered: Time,
}

impl TimeAnswer {
    /// Bytes of the body.
    pub const LEN: usize = 26;

    /// Reads a body of kind [`Kind::TimeAnswer`].
    pub fn parse(body: &[u8]) -> Result<TimeAnswer, Error> {
        if Kind::of(body)? != Kind::TimeAnswer {
            return Err(Error::Invalid("kind"));
        }
        let mut reader = Reader::new(body);
        reader.take(2)?;
        Ok(TimeAnswer {
            sent: Time::from_micros(reader.u64()?),
            received: Time::from_micros(reader.u64()?),
            answered: Time::from_micros(reader.u64()?),
        })
    }

    /// Writes the body and returns its length.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::TimeAnswer as u8)?;
        writer.u8(0)?;
        writer.u64(self.sent.as_micros())?;
        writer.u64(self.received.as_micros())?;
        writer.u64(self.answered.as_micros())?;
        Ok(writer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_parse_back(token: u64, at: [u64; 3]) {
            let mut out = [0; 32];
            for kind in [Kind::Probe, Kind::PathChallenge, Kind::PathResponse] {
                let probe = PathProbe { kind, token };
                let len = probe.emit(&mut out).unwrap();
                prop_assert_eq!(PathProbe::parse(&out[..len]), Ok(probe));
            }
            let request = TimeRequest { sent: Time::from_micros(at[0]) };
            let len = request.emit(&mut out).unwrap();
            prop_assert_eq!(TimeRequest::parse(&out[..len]), Ok(request));
            let [sent, received, answered] = at.map(Time::from_micros);
            let answer = TimeAnswer { sent, received, answered };
            let len = answer.emit(&mut out).unwrap();
            prop_assert_eq!(TimeAnswer::parse(&out[..len]), Ok(answer));
        }

        #[test]
        fn any_bytes_survive(kind in 10u8..=14, mut bytes: std::vec::Vec<u8>) {
            bytes.insert(0, kind);
            let _ = PathProbe::parse(&bytes);
            let _ = TimeRequest::parse(&bytes);
            let _ = TimeAnswer::parse(&bytes);
        }
    }
}
