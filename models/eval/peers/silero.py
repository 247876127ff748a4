"""CPU time and probabilities of Silero VAD in Python: silero.py FOLDER_OF_F32 RUNS"""

from measure import measure
from reference_models import SileroReference


def judge(silero, samples):
    silero.reset()
    return [silero(samples[at : at + 512]) for at in range(0, len(samples) - 511, 512)]


measure(SileroReference(), judge)
