//! What the forwarding has counted since its start. Every datagram that comes in is explained by one of these.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the start; they only grow.
        #[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// How many counts there are.
            pub const COUNT: usize = [$(stringify!($name)),*].len();

            /// Every count with its name, in a fixed order.
            pub fn named(&self) -> [(&'static str, u64); Self::COUNT] {
                [$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counters! {
    /// Datagrams that came.
    received,
    /// Their bytes, without IP and UDP headers.
    received_bytes,
    /// Datagrams handed out to be sent.
    sent,
    /// Their bytes, without IP and UDP headers.
    sent_bytes,
    /// Transmits handed out; each holds one or more datagrams.
    transmits,
    /// Dropped: no datagram of this protocol, or a body that breaks its format.
    malformed,
    /// Dropped: of a session that is not open.
    unknown_session,
    /// Dropped: the seal does not fit.
    forged,
    /// Dropped: came before, or too late to tell.
    replayed,
    /// Dropped: authentic, of a kind that this version does not know.
    unknown_kind,
    /// Dropped: the session is in no room.
    not_joined,
    /// Dropped: media on a stream that is not the session's own.
    not_own_stream,
    /// Dropped: a request for a stream that nobody else in the room has.
    no_such_stream,
    /// Dropped: more packets of sound than one member may have passed on.
    excess_sound,
    /// Dropped: more requests, acknowledgements or reports of a kind than one member may send.
    excess_requests,
    /// Not sent: nobody else in the room, or none whose address is known.
    no_receiver,
    /// Dropped: more datagrams at a time than the buffers hold.
    overflow,
    /// Queued datagrams dropped because their sender or receiver left.
    revoked,
    /// Addresses of sessions that changed.
    address_changes,
    /// Reports on the hop's packets that came.
    feedback,
    /// Those of them that cannot be true.
    feedback_refused,
    /// Reports on the hop's packets that were sent.
    reports_sent,
    /// Probes and answers, which need no answer.
    ignored,
    /// What receivers show, as they told.
    views,
    /// Pieces that a receiver did not get because it shows another layer of the stream, or none.
    not_chosen,
    /// Packets of sound that a receiver did not get because three others are louder.
    not_loudest,
    /// Pieces dropped because they would have waited too long for a way down.
    late,
    /// Bodies of files dropped because as much as may waits for that receiver already.
    files_dropped,
    /// Layers that receivers were to change to.
    layer_changes,
    /// Demands sent to the streams' owners.
    demands_sent,
    /// Requests for missing pieces that came.
    nacks,
    /// Pieces that were sent again, each to the receiver that asked.
    nacked_answered,
    /// Pieces, or whole frames, that were asked of the stream's owner because they are not here.
    nacked_passed_on,
    /// Requests for missing pieces that were not answered, or not in full: about a layer that the receiver does not get, or
    /// above its allowance.
    nacks_refused,
    /// Keyframe requests that came.
    keyframe_requests,
    /// Those of them that were dropped, because their sender had asked so often.
    keyframe_requests_refused,
    /// Keyframe requests that went on to a stream's owner.
    keyframe_requests_sent,
}
