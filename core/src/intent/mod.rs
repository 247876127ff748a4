//! Requests that are understood without an LLM.
