"""What the metadata of a simulated product says about the instrument: response, irradiance and gain of each band.

Source: band widths, solar irradiances and physical gains after the Sentinel-2 Products Specification Document
(S2-PDGS-TAS-DI-PSD) and the Sentinel-2 User Handbook, table 1.
"""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

from tiles.bands import BANDS
from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.sun import compute_sun_distance_factor
from tiles.simulate.product.xml_writer import add_element

__all__ = ["add_spectral_information", "compute_spectral_response"]

# By band_id: band width in nm, solar irradiance in W/m²/µm, physical gain of Sentinel-2A
_BAND_WIDTHS_NM = (21, 66, 36, 31, 15, 15, 20, 106, 21, 20, 31, 91, 175)
_IRRADIANCES = (
    1884.69,
    1959.66,
    1823.24,
    1512.06,
    1424.64,
    1287.61,
    1162.08,
    1041.63,
    955.32,
    812.92,
    367.15,
    245.59,
    85.25,
)
_GAINS = (4.10, 3.76, 4.20, 4.53, 5.22, 4.88, 4.54, 6.17, 5.15, 8.56, 55.02, 35.25, 106.35)


def add_spectral_information(info: Element, acquisition: Acquisition) -> None:
    """Add solar irradiances, spectral responses and physical gains.

    Args:
        info: The ``Product_Image_Characteristics`` element.
        acquisition: Its date decides the distance of the sun.
    """
    conversion = add_element(info, "Reflectance_Conversion")
    add_element(conversion, "U", f"{compute_sun_distance_factor(acquisition.sensing):.15f}")
    irradiances = add_element(conversion, "Solar_Irradiance_List")
    spectra = add_element(info, "Spectral_Information_List")
    for band in BANDS.values():
        add_element(irradiances, "SOLAR_IRRADIANCE", _IRRADIANCES[band.band_id], bandId=band.band_id, unit="W/m²/µm")
        short = band.name.replace("B0", "B")
        entry = add_element(spectra, "Spectral_Information", bandId=band.band_id, physicalBand=short)
        add_element(entry, "RESOLUTION", band.resolution_m)
        low, high, response = compute_spectral_response(band.wavelength_nm, _BAND_WIDTHS_NM[band.band_id])
        wavelength = add_element(entry, "Wavelength")
        add_element(wavelength, "MIN", low, unit="nm")
        add_element(wavelength, "MAX", high, unit="nm")
        add_element(wavelength, "CENTRAL", band.wavelength_nm, unit="nm")
        curve = add_element(entry, "Spectral_Response")
        add_element(curve, "STEP", 1, unit="nm")
        add_element(curve, "VALUES", " ".join(f"{value:.6g}" for value in response))
    for band in BANDS.values():
        add_element(info, "PHYSICAL_GAINS", _GAINS[band.band_id], bandId=band.band_id)


def compute_spectral_response(central_nm: float, width_nm: float) -> tuple[int, int, list[float]]:
    """A flat-topped curve of the band's width, for readers that integrate over it.

    Args:
        central_nm: Central wavelength.
        width_nm: Full width at half maximum.

    Returns:
        First and last wavelength in whole nm, and the response at each nm between them, 0 to 1.
    """
    low, high = round(central_nm - 0.62 * width_nm), round(central_nm + 0.62 * width_nm)
    half = width_nm / 2
    # An eighth-order Gaussian: 1 in the middle, one half at half the width.
    return low, high, [math.exp(-math.log(2) * ((nm - central_nm) / half) ** 8) for nm in range(low, high + 1)]
