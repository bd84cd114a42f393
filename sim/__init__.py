"""hns-opauc: the theories behind hard negative sampling for recommendation, checked by simulation.

Sub-packages: :mod:`sim.metrics`, :mod:`sim.objectives`, :mod:`sim.sampling`, :mod:`sim.rankings`, :mod:`sim.bpr`,
:mod:`sim.data`, :mod:`sim.studies`. Nothing heavy is imported before it is used.
"""

__version__ = "0.1.0"
