//! What sound and pictures pass between a device and the network: cut, put together again, buffered, mixed, measured.
//!
//! Not the codec, the devices or the sockets: these are bytes and samples with the time as an argument, so that the
//! behaviour of a bad network is tested from a seed. Nothing here allocates for an audio frame once it is made.

pub mod gate;
pub mod jitter;
pub mod ladder;
pub mod level;
pub mod mix;
pub mod pacer;
pub mod packetizer;
pub mod pcm;
pub mod protection;
pub mod reassembler;
pub mod repair;
pub mod resend;
pub mod sync;
pub mod voice;

pub use gate::{Gate, GateHandle, GateState, Passed, Ticket};
pub use jitter::{JitterBuffer, JitterStats, Playout, Pushed};
pub use level::LevelMeter;
pub use mix::{Mixer, Volume};
pub use pacer::{Pacer, Permit};
pub use packetizer::{FrameInfo, PacketizeError, Packetizer, Pieces};
pub use pcm::{
    AudioBlock, AudioFrame, BLOCK_DURATION, BLOCK_SAMPLES, FRAME_BYTES, FRAME_DURATION, FRAME_SAMPLES,
    SAMPLE_RATE, SILENCE,
};
pub use protection::{Protection, demanded_repairs};
pub use reassembler::{Accepted, AssembledFrame, Reassembler, ReassemblerConfig, ReassemblerStats};
pub use repair::{RepairError, Repairer, Repairs, repairs_for};
pub use resend::{Answer, Resend, ResendConfig};
pub use sync::{ClockEstimate, ClockOffset, LipSync};
pub use voice::{SoundDecoder, VoicePacker, VoicePacket};

#[cfg(test)]
pub(crate) mod testing;
