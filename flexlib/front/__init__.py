"""The front door for analysts: months loaded, totalled, summed by anything, plotted."""
