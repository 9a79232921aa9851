//! Every view of the catalogue at every size, looked at as data, and the widget touched through druid's harness.

#[path = "../../examples/gallery/catalogue/mod.rs"]
mod catalogue;
mod layout;
mod network;
mod touch;
