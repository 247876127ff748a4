"""Makes a language model of random weights in Llama's architecture, for servers that read GGUF files.

    python llama.py tiny-llama.gguf

It costs next to nothing and says nothing that makes sense, at times bytes that are no letters. Its context has 512 tokens.
"""

import sys

import gguf
import numpy

WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT = 64, 2, 4, 128, 512

WORDS = ["user", "assistant", "system", "tool", "the", "is", "it", "and", "of", "time", "light", "on", "off"]

TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant:{% endif %}"
)


def vocabulary():
    """Tokens, scores and kinds of a SentencePiece vocabulary: controls, every byte, printable letters, some words."""
    kinds = gguf.TokenType
    pieces = [("<unk>", 0.0, kinds.UNKNOWN), ("<s>", 0.0, kinds.CONTROL), ("</s>", 0.0, kinds.CONTROL)]
    pieces += [(f"<0x{value:02X}>", 0.0, kinds.BYTE) for value in range(256)]
    letters = ["\u2581"] + [chr(code) for code in range(33, 127)]
    whole = [piece for word in WORDS for piece in (word, "\u2581" + word)]
    # A piece is found by joining two shorter ones, so each word's beginnings are pieces as well.
    joined = dict.fromkeys(letters + [word[:end] for word in whole for end in range(1, len(word) + 1)])
    longest_first = sorted(joined, key=len, reverse=True)
    return pieces + [(piece, -float(rank), kinds.NORMAL) for rank, piece in enumerate(longest_first)]


def write(path: str):
    random = numpy.random.default_rng(7)
    pieces = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(pieces))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([piece for piece, _, _ in pieces])
    writer.add_token_scores([score for _, score, _ in pieces])
    writer.add_token_types([kind for _, _, kind in pieces])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)

    def weights(name: str, *shape: int):
        writer.add_tensor(name, random.normal(0, shape[-1] ** -0.5, shape).astype(numpy.float32))

    def norm(name: str):
        writer.add_tensor(name, numpy.ones(WIDTH, numpy.float32))

    weights("token_embd.weight", len(pieces), WIDTH)
    for layer in range(LAYERS):
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            weights(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        weights(f"blk.{layer}.ffn_gate.weight", HIDDEN, WIDTH)
        weights(f"blk.{layer}.ffn_up.weight", HIDDEN, WIDTH)
        weights(f"blk.{layer}.ffn_down.weight", WIDTH, HIDDEN)
        norm(f"blk.{layer}.attn_norm.weight")
        norm(f"blk.{layer}.ffn_norm.weight")
    norm("output_norm.weight")
    weights("output.weight", len(pieces), WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write(sys.argv[1])
