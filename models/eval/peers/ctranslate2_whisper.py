"""CPU milliseconds of CTranslate2's Whisper encoder in 8 bits at one thread: a model of the true size with random weights.

    ctranslate2_whisper.py NAME POSITIONS

NAME is tiny, base or turbo; POSITIONS are 20 ms each. Prints the median of 15 runs.
"""

import sys
import tempfile
import time

import ctranslate2
import numpy as np
from ctranslate2.specs import WhisperSpec

SIZES = {
    "tiny": (4, 4, 6, 384, 51864, 80),
    "base": (6, 6, 8, 512, 51864, 80),
    "turbo": (32, 4, 20, 1280, 51866, 128),
}


def weights(random, *shape):
    return random.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(shape[-1]))


def specification(name):
    audio_layers, text_layers, heads, width, vocabulary, mels = SIZES[name]
    random = np.random.default_rng(0)

    def linear(spec, outputs, inputs):
        spec.weight, spec.bias = weights(random, outputs, inputs), np.zeros(outputs, np.float32)

    def norm(spec):
        spec.gamma, spec.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def attention(spec, sizes):
        norm(spec.layer_norm)
        for part, outputs in zip(spec.linear, sizes):
            linear(part, outputs, width)

    def feed_forward(spec):
        norm(spec.layer_norm)
        linear(spec.linear_0, 4 * width, width)
        linear(spec.linear_1, width, 4 * width)

    spec = WhisperSpec(audio_layers, heads, text_layers, heads)
    encoder, decoder = spec.encoder, spec.decoder
    for convolution, inputs in ((encoder.conv1, mels), (encoder.conv2, width)):
        convolution.weight = weights(random, width, inputs, 3)
        convolution.bias = np.zeros(width, np.float32)
    encoder.position_encodings.encodings = weights(random, 1500, width)
    norm(encoder.layer_norm)
    for layer in encoder.layer:
        attention(layer.self_attention, (3 * width, width))
        feed_forward(layer.ffn)
    decoder.embeddings.weight = weights(random, vocabulary, width)
    decoder.projection.weight = decoder.embeddings.weight
    decoder.position_encodings.encodings = weights(random, 448, width)
    norm(decoder.layer_norm)
    for layer in decoder.layer:
        attention(layer.self_attention, (3 * width, width))
        attention(layer.attention, (width, 2 * width, width))
        feed_forward(layer.ffn)
    config = spec.config
    config.suppress_ids = config.suppress_ids_begin = config.lang_ids = config.alignment_heads = []
    words = [f"t{n}" for n in range(vocabulary - 2)]
    spec.register_vocabulary([*words, "<|endoftext|>", "<|startoftranscript|>"])
    spec.validate()
    spec.optimize(quantization="int8")
    return spec, mels


def main():
    name, positions = sys.argv[1], int(sys.argv[2])
    spec, mels = specification(name)
    with tempfile.TemporaryDirectory() as folder:
        spec.save(folder)
        model = ctranslate2.models.Whisper(
            folder, device="cpu", compute_type="int8", intra_threads=1, inter_threads=1
        )
    mel = np.random.default_rng(1).standard_normal((1, mels, 2 * positions), dtype=np.float32)
    times = []
    for _ in range(15):
        begun = time.process_time()
        np.array(model.encode(ctranslate2.StorageView.from_array(mel), to_cpu=True)).sum()
        times.append(time.process_time() - begun)
    print(f"{sorted(times)[7] * 1e3:.2f}")


main()
