//! Every neural model behind a plain synchronous struct, and the catalogue they come from.
