//! The client's side of the control protocol: what this kiosk asks of the relay, what it believes of what it is told.
//! Pure; it decides nothing that a person decides.

mod ticket;

pub use ticket::Ticket;
