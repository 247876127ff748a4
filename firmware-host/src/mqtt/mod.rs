//! The MQTT broker in the house.

pub mod device;
