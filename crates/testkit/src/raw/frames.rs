//! HTTP/2 frame by frame (RFC 9113), for sending what no library would.
//!
//! ```no_run
//! # use testkit::raw::frames::{self, Frames};
//! # async fn example(address: std::net::SocketAddr) {
//! let mut client = Frames::connect(address, &[(frames::INITIAL_WINDOW_SIZE, 0)]).await;
//! client.get(1, "/healthz").await;
//! client.send(frames::RST_STREAM, 0, 1, &8_u32.to_be_bytes()).await;
//! assert_eq!(client.next().await.unwrap().kind, frames::SETTINGS);
//! # }
//! ```

use std::net::SocketAddr;

use super::{End, RawClient};

/// Types of frames.
pub const DATA: u8 = 0;
/// Fields of a request or an answer.
pub const HEADERS: u8 = 1;
/// Ends a stream at once.
pub const RST_STREAM: u8 = 3;
/// What one side is prepared for.
pub const SETTINGS: u8 = 4;
/// Asks whether somebody is there.
pub const PING: u8 = 6;
/// No new streams are taken.
pub const GOAWAY: u8 = 7;
/// Allows the other side to send more.
pub const WINDOW_UPDATE: u8 = 8;
/// More fields.
pub const CONTINUATION: u8 = 9;

/// Flag of `DATA` and `HEADERS`: nothing more comes on the stream.
pub const END_STREAM: u8 = 1;
/// Flag of `SETTINGS` and `PING`: the answer to one.
pub const ACK: u8 = 1;
/// Flag of `HEADERS` and `CONTINUATION`: the fields are complete.
pub const END_HEADERS: u8 = 4;

/// The setting that says how much may be sent on a new stream.
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream, 0 for the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Its bytes.
    pub fn bytes(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }
}

/// The fields of a GET, packed without any compression that has a memory (RFC 7541).
pub fn fields_of_get(path: &str) -> Vec<u8> {
    // `:method GET` and `:scheme http` are in the static table, as are the names of `:path` and `:authority`.
    let mut fields = vec![0x82, 0x86];
    literal(&mut fields, 0x04, path);
    literal(&mut fields, 0x01, "x");
    fields
}

/// A field whose name has this place in the static table.
fn literal(fields: &mut Vec<u8>, name: u8, value: &str) {
    fields.push(name);
    number(fields, value.len());
    fields.extend_from_slice(value.as_bytes());
}

/// A field with a name of its own.
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    number(&mut field, name.len());
    field.extend_from_slice(name.as_bytes());
    number(&mut field, value.len());
    field.extend_from_slice(value.as_bytes());
    field
}

/// A length with a prefix of seven bits.
fn number(fields: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(127) else {
        return fields.push(u8::try_from(value).unwrap());
    };
    fields.push(127);
    while rest >= 128 {
        fields.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    fields.push(u8::try_from(rest).unwrap());
}

/// One HTTP/2 connection without TLS. It answers nothing by itself: no acknowledgements, no window updates.
#[derive(Debug)]
pub struct Frames {
    client: RawClient,
}

impl Frames {
    /// Connects and says what it is prepared for.
    pub async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        Self::over(RawClient::connect(address).await, settings).await
    }

    /// Speaks HTTP/2 on a connection.
    pub async fn over(client: RawClient, settings: &[(u16, u32)]) -> Self {
        let mut frames = Self { client };
        frames.client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        frames.send(SETTINGS, 0, 0, &payload).await;
        frames
    }

    /// Sends a frame.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.client.send(&Frame::bytes(kind, flags, stream, payload)).await;
    }

    /// Sends bytes as they are, or as many of them as the other side takes before it closes.
    pub async fn send_if_open(&mut self, bytes: &[u8]) -> bool {
        self.client.send_if_open(bytes).await
    }

    /// Sends a GET on a new stream; streams of clients have odd numbers.
    pub async fn get(&mut self, stream: u32, path: &str) {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &fields_of_get(path)).await;
    }

    /// The next frame, or how the connection ended.
    pub async fn next(&mut self) -> Result<Frame, End> {
        let head = self.client.take(9).await?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = self.client.take(length).await?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Passes over frames up to the first of this type on this stream, or says how the connection ended.
    pub async fn until(&mut self, kind: u8, stream: u32) -> Result<Frame, End> {
        loop {
            let frame = self.next().await?;
            if (frame.kind, frame.stream) == (kind, stream) {
                return Ok(frame);
            }
        }
    }

    /// Passes over frames up to the first on this stream.
    pub async fn next_on(&mut self, stream: u32) -> Result<Frame, End> {
        loop {
            let frame = self.next().await?;
            if frame.stream == stream {
                return Ok(frame);
            }
        }
    }

    /// Reads to the end of the connection: the frames, and how it ended.
    pub async fn to_end(&mut self) -> (Vec<Frame>, End) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => frames.push(frame),
                Err(end) => return (frames, end),
            }
        }
    }
}
