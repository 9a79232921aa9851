//! The words of the network page in each language: what its graphs and lines are called.

use crate::view::{Quantity, Trace};

/// The words of one language.
pub struct NetworkLabels {
    bitrate_up: &'static str,
    bitrate_down: &'static str,
    bitrate: &'static str,
    loss: &'static str,
    round_trip: &'static str,
    pictures: &'static str,
    retransmissions: &'static str,
    size: &'static str,
    congestion_window: &'static str,
    jitter_buffer: &'static str,
    sent: &'static str,
    received: &'static str,
    estimate: &'static str,
    allotment: &'static str,
    up: &'static str,
    down: &'static str,
    mean: &'static str,
    jitter_up: &'static str,
    jitter_down: &'static str,
    captured: &'static str,
    shown: &'static str,
    largest: &'static str,
    packets: &'static str,
    concealed: &'static str,
    repaired: &'static str,
    /// The heading of the stages.
    pub delay: &'static str,
    /// The stages, in the pictures' order.
    pub stages: [&'static str; 8],
    /// The newest moment on the axis of time.
    pub now: &'static str,
    /// Between a number and its decimals.
    pub decimal: char,
    /// In place of graphs that there are none of yet.
    pub nothing: &'static str,
}

impl NetworkLabels {
    /// What a graph is called.
    pub fn quantity(&self, quantity: Quantity) -> &'static str {
        match quantity {
            Quantity::BitrateUp => self.bitrate_up,
            Quantity::BitrateDown => self.bitrate_down,
            Quantity::Bitrate => self.bitrate,
            Quantity::Loss => self.loss,
            Quantity::RoundTrip => self.round_trip,
            Quantity::Pictures => self.pictures,
            Quantity::Retransmissions => self.retransmissions,
            Quantity::Size => self.size,
            Quantity::CongestionWindow => self.congestion_window,
            Quantity::JitterBuffer => self.jitter_buffer,
        }
    }

    /// What a line is called; empty for the only one.
    pub fn trace(&self, trace: Trace) -> &'static str {
        match trace {
            Trace::Sent => self.sent,
            Trace::Received => self.received,
            Trace::Estimate => self.estimate,
            Trace::Allotment => self.allotment,
            Trace::Up => self.up,
            Trace::Down => self.down,
            Trace::RoundTrip => self.mean,
            Trace::JitterUp => self.jitter_up,
            Trace::JitterDown => self.jitter_down,
            Trace::Captured => self.captured,
            Trace::Shown => self.shown,
            Trace::Largest => self.largest,
            Trace::Packets => self.packets,
            Trace::Concealed => self.concealed,
            Trace::Repaired => self.repaired,
            Trace::Only => "",
        }
    }
}

/// English.
pub static ENGLISH: NetworkLabels = NetworkLabels {
    bitrate_up: "Sent to the relay",
    bitrate_down: "Received from the relay",
    bitrate: "Received",
    loss: "Loss",
    round_trip: "Round trip",
    pictures: "Pictures",
    retransmissions: "Sent again",
    size: "Picture size",
    congestion_window: "File window",
    jitter_buffer: "Sound buffer",
    sent: "sent",
    received: "received",
    estimate: "possible",
    allotment: "allotted",
    up: "up",
    down: "down",
    mean: "round trip",
    jitter_up: "jitter up",
    jitter_down: "jitter down",
    captured: "captured",
    shown: "shown",
    largest: "largest sent",
    packets: "packets",
    concealed: "sound made up",
    repaired: "repaired",
    delay: "Delay of the pictures",
    stages: ["Camera", "Encode", "Send", "Network", "Relay", "Buffer", "Decode", "Show"],
    now: "now",
    decimal: '.',
    nothing: "The graphs begin with the first measurement.",
};

/// German.
pub static GERMAN: NetworkLabels = NetworkLabels {
    bitrate_up: "Zum Relay gesendet",
    bitrate_down: "Vom Relay empfangen",
    bitrate: "Empfangen",
    loss: "Verlust",
    round_trip: "Laufzeit hin und zurück",
    pictures: "Bilder",
    retransmissions: "Noch einmal gesendet",
    size: "Bildgröße",
    congestion_window: "Fenster für Dateien",
    jitter_buffer: "Tonpuffer",
    sent: "gesendet",
    received: "empfangen",
    estimate: "möglich",
    allotment: "zugeteilt",
    up: "hin",
    down: "zurück",
    mean: "Laufzeit",
    jitter_up: "Jitter hin",
    jitter_down: "Jitter zurück",
    captured: "aufgenommen",
    shown: "gezeigt",
    largest: "größtes gesendet",
    packets: "Pakete",
    concealed: "Ton ersetzt",
    repaired: "repariert",
    delay: "Verzögerung der Bilder",
    stages: ["Kamera", "Kodieren", "Senden", "Netz", "Relay", "Puffer", "Dekodieren", "Zeigen"],
    now: "jetzt",
    decimal: ',',
    nothing: "Die Kurven beginnen mit der ersten Messung.",
};
