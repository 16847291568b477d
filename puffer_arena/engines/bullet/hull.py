"""The convex hull of points in space, for shapes that Bullet knows by their points."""

import numpy as np

from puffer_arena.core.fields import Array

NEAR = 1e-6  # of the points' extent: nearer to a face than this counts as in it
Face = tuple[int, int, int]  # indices of points, counterclockwise from outside


def convex_hull(points: Array) -> list[Face]:
    """Return the faces of the hull, grown by one point after another; none for points in one plane.

    Args:
        points: float64 (points, 3).
    """
    near = NEAR * float(np.ptp(points, axis=0).max(initial=0.0))
    first = _tetrahedron(points, near)
    if first is None:
        return []
    middle = points[list(first)].mean(axis=0)
    a, b, c, d = first
    faces = [_outwards(points, face, middle) for face in ((a, b, c), (a, b, d), (a, c, d), (b, c, d))]
    for k, point in enumerate(points):
        normals, offsets = _planes(points, faces)
        seen = normals @ point - offsets > near
        if not seen.any():
            continue
        visible = [face for face, one in zip(faces, seen, strict=True) if one]
        edges = {edge for face in visible for edge in zip(face, face[1:] + face[:1], strict=True)}
        faces = [face for face, one in zip(faces, seen, strict=True) if not one]
        faces += [(u, v, k) for u, v in sorted(edges) if (v, u) not in edges]  # from the rim of what is seen
        if len(faces) > 2 * len(points):  # more than a hull can have: the points are too close to each other
            return []
    return faces


def grown_hull(points: Array, margin: float) -> Array:
    """Return the triangles of the hull with its faces moved outwards by `margin`; float64 (triangles, 3, 3)."""
    faces = convex_hull(points)
    if not faces:
        return np.zeros((0, 3, 3))
    normals, _ = _planes(points, faces)
    corners = np.array(faces)
    grown = points.copy()
    for k in np.unique(corners):  # moves so that each face at it moves by the margin, or nearly so where many meet
        around = normals[(corners == k).any(axis=1)]
        grown[k] += np.linalg.lstsq(around, np.full(len(around), margin), rcond=0.1)[0]
    return np.asarray(grown[corners])


def _tetrahedron(points: Array, near: float) -> tuple[int, int, int, int] | None:
    """Return four points that lie far from each other, or None where all lie in a plane."""
    if len(points) < 4:
        return None
    a = int(points[:, 0].argmin())
    b = int(np.linalg.norm(points - points[a], axis=1).argmax())
    along = points[b] - points[a]
    from_line = np.linalg.norm(np.cross(points - points[a], along), axis=1)
    c = int(from_line.argmax())
    normal = np.cross(along, points[c] - points[a])
    height = np.abs((points - points[a]) @ normal)
    d = int(height.argmax())
    flat = from_line[c] <= near * np.linalg.norm(along) or height[d] <= near * np.linalg.norm(normal)
    return None if flat else (a, b, c, d)


def _outwards(points: Array, face: Face, middle: Array) -> Face:
    a, b, c = points[list(face)]
    return face if np.cross(b - a, c - a) @ (a - middle) > 0.0 else face[::-1]


def _planes(points: Array, faces: list[Face]) -> tuple[Array, Array]:
    """Return the unit normals of some faces, (faces, 3), and how far the faces lie along them."""
    corners = points[np.array(faces)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    return normals, (normals * corners[:, 0]).sum(axis=1)
