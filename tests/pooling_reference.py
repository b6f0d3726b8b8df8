"""What pooling should give, window by window, in NumPy."""
import numpy as np

WINDOW = {"ws": (2, 3), "stride": (2, 2), "pad": (0, 1), "ignore_border": True}


def windows_along(n, w, s, p, ignore_border):
    """How many windows there are: counted one by one."""
    starts = range(-p, n + p, s) if n else ()
    if ignore_border:
        return len([start for start in starts if start + w <= n + p])
    # Those that begin behind the image are left out, and all from the first on that ends there.
    kept = [start for start in starts if start < n]
    past = [i for i, start in enumerate(kept) if start + w >= n + p]
    return len(kept) if s >= w or not past else past[0] + 1


def parts(shape, ws, stride=None, pad=None, ignore_border=True):
    """Yield (place, slices) of each window of the last axes of an image."""
    nd = len(ws)
    stride, pad = stride or ws, pad or (0,) * nd
    counts = [windows_along(n, *axis, ignore_border)
              for n, *axis in zip(shape[-nd:], ws, stride, pad)]
    for place in np.ndindex(*counts):
        starts = [j * s - p for j, s, p in zip(place, stride, pad)]
        yield (..., *place), (..., *[slice(max(start, 0), max(start + w, 0))
                                     for start, w in zip(starts, ws)])


def windows_shape(shape, ws, stride=None, pad=None, ignore_border=True):
    """The shape that pooling gives."""
    nd = len(ws)
    stride, pad = stride or ws, pad or (0,) * nd
    return (*shape[:-nd], *[windows_along(n, *axis, ignore_border)
                            for n, *axis in zip(shape[-nd:], ws, stride, pad)])


def pool(x, mode="max", **window):
    """The windows of images, pooled."""
    axes = tuple(range(-len(window["ws"]), 0))
    out = np.zeros(windows_shape(x.shape, **window), x.dtype)
    for place, part in parts(x.shape, **window):
        if mode == "max":
            out[place] = x[part].max(axes)
        else:
            total = x[part].sum(axes, dtype=x.dtype)
            out[place] = total if mode == "sum" else total / _divisor(x[part], mode, window)
    return out


def _divisor(part, mode, window):
    nd = len(window["ws"])
    whole = mode == "average_inc_pad" and window.get("ignore_border", True)
    return np.prod(window["ws"]) if whole else np.prod(part.shape[-nd:])


def unpool(g, sizes, mode="sum", **window):
    """The transpose of sums and means of windows."""
    nd = len(sizes)
    x = np.zeros((*g.shape[:-nd], *sizes), g.dtype)
    for place, part in parts(x.shape, **window):
        share = g[place] if mode == "sum" else g[place] / _divisor(x[part], mode, window)
        x[part] += share[(..., *[None] * nd)]
    return x


def max_grad(x, y, g, **window):
    """What items get that equal the maximum of their windows."""
    new = (..., *[None] * len(window["ws"]))
    out = np.zeros_like(x)
    for place, part in parts(x.shape, **window):
        out[part] += np.where(x[part] == y[place][new], g[place][new], 0).astype(x.dtype)
    return out


def max_gather(y, x, h, **window):
    """What belongs to the items that equal the maximum of their windows, added up."""
    nd = len(window["ws"])
    new, axes = (..., *[None] * nd), tuple(range(-nd, 0))
    out = np.zeros_like(y)
    for place, part in parts(x.shape, **window):
        out[place] = np.where(x[part] == y[place][new], h[part], 0).sum(axes)
    return out


# ----- regions -----

def region_argmax(x, regions, rows, columns):
    """The place of the first largest item of each part of regions; -1 where there is none."""
    height, width = x.shape[2:]
    out = np.full((len(regions), x.shape[1], rows, columns), -1)
    for r, (image, top, left, h, w) in enumerate(regions):
        for i, j in np.ndindex(rows, columns):
            i0, i1 = np.clip((top + i * h // rows, top - (-(i + 1) * h // rows)), 0, height)
            j0, j1 = np.clip((left + j * w // columns, left - (-(j + 1) * w // columns)), 0, width)
            if i1 > i0 and j1 > j0:
                part = np.full((x.shape[1], height, width), -np.inf)
                part[:, i0:i1, j0:j1] = x[image, :, i0:i1, j0:j1]
                out[r, :, i, j] = part.reshape(x.shape[1], -1).argmax(-1)
    return out


def roi_pooling(x, rois, outh, outw, spatial_scale):
    """The largest items of the parts of regions."""
    scaled = rois[:, 1:] * spatial_scale
    left, top, right, bottom = (np.sign(scaled) * np.floor(abs(scaled) + 0.5)).astype(int).T
    image = rois[:, 0].astype(int)
    regions = np.stack([image, top, left, np.maximum(bottom - top + 1, 1),
                        np.maximum(right - left + 1, 1)], 1)
    places = region_argmax(x, regions, outh, outw)
    flat = x.reshape(*x.shape[:2], -1)[image]
    found = np.take_along_axis(flat, np.maximum(places, 0).reshape(*places.shape[:2], -1), 2)
    return np.where(places < 0, 0, found.reshape(places.shape))


def pixel(image, y, x):
    """A place between the pixels of an image; 0 outside."""
    height, width = image.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(len(image))
    y, x = np.clip((y, x), 0, (height - 1, width - 1))
    i, j = int(y), int(x)
    i1, j1 = min(i + 1, height - 1), min(j + 1, width - 1)
    above = image[:, i, j] * (1 - x + j) + image[:, i, j1] * (x - j)
    below = image[:, i1, j] * (1 - x + j) + image[:, i1, j1] * (x - j)
    return above * (1 - y + i) + below * (y - i)


def roi_average_align(x, rois, outh, outw, spatial_scale, sampling_ratio):
    """The means of places between the pixels of the parts of regions."""
    out = np.zeros((len(rois), x.shape[1], outh, outw))
    for r, (image, *corners) in enumerate(rois):
        left, top, right, bottom = np.array(corners) * spatial_scale
        height, width = max(bottom - top, 1) / outh, max(right - left, 1) / outw
        inner = (np.arange(sampling_ratio) + 0.5) / sampling_ratio
        for i, j in np.ndindex(outh, outw):
            read = [pixel(x[int(image)], top + (i + a) * height, left + (j + b) * width)
                    for a in inner for b in inner]
            out[r, :, i, j] = np.mean(read, 0)
    return out


def pyramid(x, pyramid_height, mode="max"):
    """The pyramid of the parts of images."""
    levels = []
    for level in range(pyramid_height):
        n = 2**level
        cuts = [[(i * size // n, -(-(i + 1) * size // n)) for i in range(n)]
                for size in x.shape[2:]]
        found = [(x[:, :, a:b, c:d].max((2, 3)) if mode == "max" else
                  x[:, :, a:b, c:d].mean((2, 3))) for a, b in cuts[0] for c, d in cuts[1]]
        levels.append(np.stack(found, 2).reshape(len(x), -1))
    return np.concatenate(levels, 1)


def local_response(x, n=5, k=2, alpha=1e-4, beta=0.75):
    """Channels by what those around them sum up to."""
    half, out = n // 2, np.empty_like(x)
    for c in range(x.shape[1]):
        around = (x[:, max(c - half, 0):c + half + 1] ** 2).sum(1)
        out[:, c] = x[:, c] / (k + alpha * around) ** beta
    return out
