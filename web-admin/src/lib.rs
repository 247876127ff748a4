//! The panel on the LAN, as a router.
