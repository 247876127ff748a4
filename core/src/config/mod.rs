//! The configuration: what the owner wrote, and what it means once checked.
