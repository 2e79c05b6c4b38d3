"""Surfaces of which the shared scenes hold no good example: figures after published spectra, not measured here.

Each row is a typical bottom-of-atmosphere spectrum read off the cited work at the centres of the 12 bands and rounded;
it stands in for the class, it does not reproduce a table of the source.
"""

from __future__ import annotations

__all__ = ["TABLES", "Table"]

Table = tuple[tuple[float, ...], bool, str]
"""Mean of 12 bands, whether it belongs to a water body, source."""

_SNOW = "table after Warren 1982, doi:10.1029/RG020i001p00067 (not measured here)"
_ICE = "table after Lei et al. 2011 and Perovich 1996 (CRREL Monograph 96-1) (not measured here)"
_SALT = (
    "table after Kokaly et al. 2017, USGS Spectral Library 7, doi:10.3133/ds1035: halite and playa (not measured here)"
)
_ROCK = "table after Kokaly et al. 2017, USGS Spectral Library 7, doi:10.3133/ds1035 (not measured here)"
_SAND = "table after Kokaly et al. 2017, doi:10.3133/ds1035: quartz and carbonate sand (not measured here)"
_WET = "table: dry sand darkened by water, Lobell & Asner 2002, doi:10.2136/sssaj2002.7220 (not measured here)"
_BURNT = "table after Filipponi 2018, Proceedings 2(7), 364 (not measured here)"
_SHADE = "table: diffuse light alone on vegetation and rock, after Richter & Mueller 2005 (not measured here)"
_CIRRUS = "table: thin cirrus adds nearly white light up to 1 um and less beyond, Gao et al. 2002 (not measured here)"
_FOAM = "table after Dierssen 2019, doi:10.3389/feart.2019.00014: whitecaps fall to the infrared (not measured here)"
_REEF = "table after Lee et al. 1999, doi:10.1364/AO.38.003831: bottom through 1-5 m of water (not measured here)"
_MINERAL = "table after Castagna et al. 2022, doi:10.5194/essd-14-2697: turbid inland water (not measured here)"

_MANGROVE = "table after Kuenzer et al. 2011, doi:10.3390/rs3050878 (not measured here)"
_GLACIAL = "table: glacial flour, after Giardino et al. 2010, Water Resour. Manag. 24(14) (not measured here)"
_SALINE = "table: red salt pond, after Oren 2005, doi:10.1186/1746-1448-1-2 (not measured here)"
_BLOOM = "table: algal bloom, after Gitelson 1992, doi:10.1080/01431169208904125 (not measured here)"
_PEAT = "table: wet peat, after Kokaly et al. 2017, doi:10.3133/ds1035 (not measured here)"
_LAVA = "table: basalt and desert varnish, after Kokaly et al. 2017, doi:10.3133/ds1035 (not measured here)"
_CITY = "table: plastic, paint, asphalt, after Heiden et al. 2007, doi:10.1016/j.rse.2007.04.008 (not measured here)"

TABLES: dict[str, tuple[Table, ...]] = {
    "salt_flat": (
        ((0.42, 0.46, 0.52, 0.56, 0.57, 0.58, 0.58, 0.59, 0.58, 0.56, 0.44, 0.33), False, _SALT),
        ((0.55, 0.60, 0.66, 0.70, 0.71, 0.71, 0.71, 0.71, 0.70, 0.67, 0.47, 0.35), False, _SALT),
        ((0.28, 0.31, 0.36, 0.39, 0.40, 0.41, 0.41, 0.41, 0.40, 0.36, 0.20, 0.11), False, _SALT),
    ),
    "lake_ice": (
        ((0.45, 0.47, 0.46, 0.42, 0.39, 0.35, 0.30, 0.27, 0.24, 0.18, 0.03, 0.02), True, _ICE),
        ((0.16, 0.17, 0.16, 0.13, 0.11, 0.09, 0.07, 0.06, 0.05, 0.03, 0.01, 0.008), True, _ICE),
        ((0.68, 0.70, 0.70, 0.68, 0.66, 0.62, 0.58, 0.55, 0.51, 0.43, 0.06, 0.05), True, _ICE),
    ),
    "snow": (((0.93, 0.94, 0.94, 0.94, 0.93, 0.92, 0.91, 0.90, 0.88, 0.80, 0.13, 0.11), False, _SNOW),),
    "rock": (
        ((0.10, 0.12, 0.15, 0.17, 0.18, 0.19, 0.20, 0.20, 0.21, 0.21, 0.25, 0.23), False, _ROCK),
        ((0.045, 0.05, 0.058, 0.065, 0.068, 0.072, 0.075, 0.078, 0.08, 0.082, 0.09, 0.085), False, _ROCK),
        ((0.20, 0.24, 0.29, 0.33, 0.34, 0.35, 0.36, 0.37, 0.38, 0.38, 0.42, 0.38), False, _ROCK),
        ((0.05, 0.06, 0.08, 0.12, 0.14, 0.15, 0.16, 0.165, 0.17, 0.18, 0.25, 0.24), False, _ROCK),
    ),
    "beach": (
        ((0.38, 0.44, 0.52, 0.58, 0.60, 0.62, 0.63, 0.64, 0.65, 0.62, 0.68, 0.62), False, _SAND),
        ((0.06, 0.065, 0.07, 0.075, 0.078, 0.08, 0.082, 0.085, 0.086, 0.085, 0.09, 0.085), False, _SAND),
    ),
    "wet_flat": (
        ((0.07, 0.085, 0.12, 0.15, 0.16, 0.165, 0.17, 0.17, 0.165, 0.14, 0.10, 0.06), False, _WET),
        ((0.05, 0.06, 0.08, 0.095, 0.10, 0.10, 0.10, 0.098, 0.092, 0.075, 0.045, 0.025), False, _WET),
        ((0.10, 0.12, 0.17, 0.21, 0.225, 0.235, 0.24, 0.245, 0.24, 0.21, 0.19, 0.12), False, _WET),
        ((0.04, 0.048, 0.075, 0.075, 0.10, 0.14, 0.15, 0.15, 0.15, 0.13, 0.08, 0.04), False, _WET),
    ),
    "burnt": (
        ((0.025, 0.03, 0.036, 0.043, 0.05, 0.058, 0.065, 0.07, 0.076, 0.08, 0.13, 0.13), False, _BURNT),
        ((0.04, 0.045, 0.055, 0.068, 0.076, 0.085, 0.094, 0.10, 0.11, 0.115, 0.18, 0.17), False, _BURNT),
    ),
    "shadow": (
        ((0.010, 0.010, 0.013, 0.009, 0.015, 0.032, 0.038, 0.038, 0.042, 0.04, 0.018, 0.009), False, _SHADE),
        ((0.022, 0.020, 0.020, 0.017, 0.019, 0.022, 0.024, 0.023, 0.025, 0.024, 0.020, 0.015), False, _SHADE),
        ((0.004, 0.006, 0.010, 0.008, 0.011, 0.016, 0.018, 0.019, 0.02, 0.02, 0.013, 0.009), False, _SHADE),
    ),
    "cirrus": (
        ((0.050, 0.049, 0.047, 0.046, 0.046, 0.045, 0.045, 0.044, 0.044, 0.040, 0.028, 0.020), False, _CIRRUS),
        ((0.100, 0.098, 0.095, 0.093, 0.092, 0.091, 0.090, 0.090, 0.089, 0.080, 0.052, 0.036), False, _CIRRUS),
    ),
    "cloud": (((0.62, 0.63, 0.62, 0.64, 0.65, 0.66, 0.67, 0.67, 0.68, 0.60, 0.42, 0.30), False, _CIRRUS),),
    "foam": (((0.32, 0.33, 0.33, 0.31, 0.29, 0.26, 0.25, 0.24, 0.23, 0.15, 0.055, 0.03), True, _FOAM),),
    "shallow": (
        ((0.10, 0.13, 0.15, 0.055, 0.032, 0.013, 0.011, 0.010, 0.008, 0.006, 0.004, 0.003), True, _REEF),
        ((0.045, 0.050, 0.055, 0.022, 0.016, 0.009, 0.008, 0.007, 0.006, 0.004, 0.003, 0.002), True, _REEF),
        ((0.08, 0.10, 0.14, 0.09, 0.07, 0.03, 0.025, 0.02, 0.012, 0.006, 0.004, 0.003), True, _REEF),
        ((0.13, 0.18, 0.24, 0.15, 0.11, 0.045, 0.035, 0.025, 0.015, 0.008, 0.005, 0.003), True, _REEF),
    ),
    "mangrove": (
        ((0.020, 0.022, 0.038, 0.024, 0.075, 0.190, 0.220, 0.235, 0.240, 0.240, 0.085, 0.035), False, _MANGROVE),
        ((0.030, 0.032, 0.055, 0.040, 0.100, 0.210, 0.240, 0.260, 0.265, 0.260, 0.145, 0.070), False, _MANGROVE),
    ),
    "turbid": (
        ((0.110, 0.130, 0.150, 0.075, 0.055, 0.028, 0.028, 0.022, 0.017, 0.010, 0.004, 0.003), True, _GLACIAL),
        ((0.060, 0.085, 0.120, 0.070, 0.055, 0.022, 0.022, 0.018, 0.013, 0.008, 0.003, 0.002), True, _GLACIAL),
    ),
    "algae": (
        ((0.060, 0.065, 0.070, 0.120, 0.150, 0.070, 0.065, 0.050, 0.035, 0.015, 0.006, 0.004), True, _SALINE),
        ((0.010, 0.014, 0.040, 0.022, 0.060, 0.042, 0.044, 0.036, 0.030, 0.018, 0.010, 0.006), True, _BLOOM),
        ((0.025, 0.032, 0.075, 0.045, 0.110, 0.085, 0.088, 0.075, 0.062, 0.030, 0.012, 0.007), True, _BLOOM),
    ),
    "humic": (((0.008, 0.007, 0.009, 0.012, 0.012, 0.007, 0.007, 0.006, 0.005, 0.004, 0.002, 0.001), True, _MINERAL),),
    "soil_bright": (
        ((0.040, 0.050, 0.090, 0.190, 0.220, 0.240, 0.255, 0.265, 0.280, 0.290, 0.380, 0.320), False, _ROCK),
        ((0.150, 0.190, 0.260, 0.310, 0.330, 0.345, 0.360, 0.370, 0.380, 0.380, 0.450, 0.400), False, _ROCK),
    ),
    "soil_dark": (
        ((0.025, 0.028, 0.036, 0.046, 0.053, 0.060, 0.067, 0.074, 0.080, 0.085, 0.120, 0.095), False, _PEAT),
    ),
    "desert_dark": (
        ((0.030, 0.033, 0.036, 0.039, 0.041, 0.043, 0.045, 0.047, 0.049, 0.050, 0.055, 0.052), False, _LAVA),
        ((0.060, 0.070, 0.090, 0.120, 0.130, 0.135, 0.140, 0.145, 0.150, 0.155, 0.200, 0.190), False, _LAVA),
    ),
    "roof_bright": (
        ((0.300, 0.340, 0.360, 0.370, 0.380, 0.390, 0.395, 0.400, 0.400, 0.380, 0.330, 0.260), False, _CITY),
        ((0.120, 0.170, 0.160, 0.120, 0.130, 0.150, 0.170, 0.180, 0.190, 0.200, 0.210, 0.190), False, _CITY),
    ),
    "asphalt": (((0.055, 0.065, 0.062, 0.058, 0.060, 0.065, 0.070, 0.075, 0.080, 0.085, 0.105, 0.100), False, _CITY),),
    "clear": (((0.045, 0.034, 0.016, 0.005, 0.004, 0.003, 0.003, 0.002, 0.002, 0.002, 0.001, 0.001), True, _REEF),),
    "river_mud": (((0.09, 0.12, 0.19, 0.26, 0.28, 0.21, 0.21, 0.19, 0.15, 0.06, 0.015, 0.008), True, _MINERAL),),
}
