//! From voice-activity probabilities to facts about speech.
