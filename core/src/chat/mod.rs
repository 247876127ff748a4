//! What a conversation consists of, and how LLM servers write it on the wire.
