"""Writes a Kokoro-82M of the true architecture with random weights: it costs what the real one costs, and says nothing.

    pip install kokoro onnx && pip install --no-deps kokoro-onnx
    python kokoro_82m.py FOLDER

FOLDER gets kokoro-v1.0.onnx and voices-v1.0.bin, under the names of the real files, so that Pipit opens it as a models' folder.
Every token lasts 0.075 s, which is what people's speech comes to; the durations of random weights would be noise.
"""

import argparse
import importlib.util
import json
import math
import pathlib

import numpy as np
import torch
from kokoro import model as kokoro_model

FRAME_SECONDS = 600 / 24_000
TOKEN_SECONDS = 0.075
VOICES = ["af_heart", "am_adam", "bf_emma"]


def configuration():
    """The model's configuration, which the package kokoro would download and the package kokoro-onnx carries."""
    package = importlib.util.find_spec("kokoro_onnx")
    if package is None:
        raise SystemExit("kokoro-onnx is not installed: pip install --no-deps kokoro-onnx")
    return json.loads((pathlib.Path(package.submodule_search_locations[0]) / "config.json").read_text())


class RandomKokoro(kokoro_model.KModel):
    """The parts of KModel, built from the configuration alone: its own constructor loads the weights."""

    def __init__(self, config):
        torch.nn.Module.__init__(self)
        hidden, style, layers = config["hidden_dim"], config["style_dim"], config["n_layer"]
        self.vocab = config["vocab"]
        albert = kokoro_model.AlbertConfig(
            vocab_size=config["n_token"], attn_implementation="eager", **config["plbert"]
        )
        self.bert = kokoro_model.CustomAlbert(albert)
        self.bert_encoder = torch.nn.Linear(self.bert.config.hidden_size, hidden)
        self.context_length = self.bert.config.max_position_embeddings
        self.predictor = kokoro_model.ProsodyPredictor(
            style_dim=style, d_hid=hidden, nlayers=layers, max_dur=config["max_dur"], dropout=config["dropout"]
        )
        self.text_encoder = kokoro_model.TextEncoder(
            channels=hidden, kernel_size=config["text_encoder_kernel_size"], depth=layers, n_symbols=config["n_token"]
        )
        self.decoder = kokoro_model.Decoder(
            dim_in=hidden, style_dim=style, dim_out=config["n_mels"], disable_complex=True, **config["istftnet"]
        )


def fix_durations(model, longest):
    """A token's frames are the sum of `longest` sigmoids."""
    share = TOKEN_SECONDS / FRAME_SECONDS / longest
    projection = model.predictor.duration_proj.linear_layer
    with torch.no_grad():
        projection.weight.zero_()
        projection.bias.fill_(math.log(share / (1 - share)))


def fold_weight_norm(model):
    """As in the real export: the norms are folded into the weights."""
    for module in model.modules():
        try:
            torch.nn.utils.remove_weight_norm(module)
        except ValueError:
            pass


class Export(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, tokens, style, speed):
        return self.model.forward_with_tokens(tokens, style, speed)[0]


def export(model, path):
    tokens = torch.randint(1, 170, (1, 48))
    torch.onnx.export(
        Export(model).eval(),
        (tokens, torch.randn(1, 256) * 0.1, torch.tensor([1.0])),
        str(path),
        input_names=["tokens", "style", "speed"],
        output_names=["audio"],
        dynamic_axes={"tokens": {1: "n"}, "audio": {0: "t"}},
        opset_version=17,
        dynamo=False,
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = configuration()
    model = RandomKokoro(config).eval()
    fix_durations(model, config["max_dur"])
    fold_weight_norm(model)
    export(model, folder / "kokoro-v1.0.onnx")
    random = np.random.default_rng(0)
    styles = {name: (random.standard_normal((510, 1, 256)) * 0.1).astype(np.float32) for name in VOICES}
    with open(folder / "voices-v1.0.bin", "wb") as archive:
        np.savez(archive, **styles)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{folder}: {parameters / 1e6:.1f} million parameters, {', '.join(VOICES)}")


if __name__ == "__main__":
    main()
