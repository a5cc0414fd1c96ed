//! Plots of a run, as SVG.
