"""CPU time and probabilities of Smart Turn in Python: smart_turn.py FOLDER_OF_F32 RUNS"""

from measure import measure
from reference_models import SmartTurnReference

measure(SmartTurnReference(), lambda smart_turn, samples: [smart_turn(samples)])
