"""The words that a block begins with, by name: their places in it (see `block`)."""

WORDS = (
    "PENDING",  # the block to play from the next reset on, or 0
    "PARTS",  # where Chipmunk's objects lie that every step needs, and how many cache lines each takes
    "NUM_PARTS",
    "MOVE",  # the engine's own functions: see `pymunk_moves`
    "ENTER",
    "EXPECT",
    "CALLS",  # `chipmunk_calls.call_table`
    "SPACE",
    "SUBSTEPS",
    "SECONDS",  # of one substep, a double
    "EXTRAS",  # 1 where the scene has any of what is looked at in a step beside bodies, joints and touches
    "MOTIONS",  # where each body's motion lies, in the State's order
    "BODY_RECORDS",  # bytes from a row's beginning to each record; these seven tables serve all scenes of a batch
    "JOINT_RECORDS",
    "SEGMENT_RECORDS",
    "TOUCH_RECORDS",
    "RAY_RECORDS",
    "CONTACT_RECORDS",
    "ONE_WAY_RECORDS",
    "KINEMATIC",  # which bodies forces do not move
    "NUM_KINEMATIC",
    "DRIVEN",  # pointers: joints with a record
    "NUM_DRIVEN",
    "SETTERS",  # what sets the target of each, or 0
    "DRIVES",  # target and max_force last given to each, doubles
    "CALLBACK",  # notes one arbiter
    "WATCHED",  # pointers: shapes whose touches a record shows
    "WATCHERS",  # the record's index of each
    "NUM_WATCHED",
    "NUM_LISTED",  # of LISTED
    "NUM_ONE_WAYS",  # of ONE_WAYS
    "NUM_TOUCHES",
    "NOW",  # per touch record: touched in the last part of the step
    "EVER",  # touched during the step
    "OTHER",
    "IMPULSE",  # doubles
    "PAIR",  # the two shapes of an arbiter
    "ARBITER",  # pmBatchedData over one impulse, its cursor, its memory
    "ARBITER_CURSOR",
    "ARBITER_AT",
    "BODIES",  # pointers, in the State's order
    "NUM_BODIES",
    "POSE",  # pmBatchedData over the poses of all bodies, its cursor, its memory
    "POSE_CURSOR",
    "POSE_AT",
    "SLOTS",  # State's k-th body is the poses' SLOTS[k]-th
    "SHAPES",  # pointers: those that leave and enter at a reset, segments with a record apart
    "NUM_SHAPES",
    "SEGMENTS",  # pointers: segments with a record
    "LAID",  # 1 for each that is in the space
    "ENDS",  # doubles: the ends last given to each, where there are EXTRAS
    "NUM_SEGMENTS",
    "FIRST_ID",  # of the first shape to enter
    "JOINTS",  # pointers: all constraints of the space
    "NUM_JOINTS",
    "FORCES",  # max_force of each, doubles
    "TUNERS",  # see `tuning`: words of each
    "NUM_TUNERS",
    "TUNED_RECORDS",  # bytes from a row's beginning to the first number of each
    "TUNED_NUMBERS",  # which that is, as faults count them
    "TUNED",  # doubles: the two numbers last given to each
    "BASES",  # doubles: shapes' geometry as built
    "SCALED",  # doubles: room for a polygon's corners
    "RAYS",  # pointers: the bodies that rays start from, or 0
    "RAY_ORIGINS",  # where their motions lie, or 0
    "NUM_RAYS",
    "MEET",  # notes one shape that a ray meets
    "HIT",  # the body the ray starts from, the fraction to what it meets first (a double), and which body that is
    "PASS",  # decides about one arbiter of a one-way shape
    "ONE_WAYS",  # pointers: their shapes
    "ONE_WAY_NORMALS",  # doubles: where they let through
    "LISTED",  # pointers: shapes whose contacts a list shows
    "LISTS",  # the list of each
    "LIST_STARTS",  # of each list: its first entry's index, and after the last the number of all
    "NUM_LISTS",
    "ENTRIES",  # of contacts: see `contacts`
)
(
    PENDING, PARTS, NUM_PARTS, MOVE, ENTER, EXPECT, CALLS, SPACE, SUBSTEPS, SECONDS, EXTRAS, MOTIONS, BODY_RECORDS,
    JOINT_RECORDS, SEGMENT_RECORDS, TOUCH_RECORDS, RAY_RECORDS, CONTACT_RECORDS, ONE_WAY_RECORDS, KINEMATIC,
    NUM_KINEMATIC, DRIVEN, NUM_DRIVEN, SETTERS, DRIVES, CALLBACK, WATCHED, WATCHERS, NUM_WATCHED, NUM_LISTED,
    NUM_ONE_WAYS, NUM_TOUCHES, NOW, EVER, OTHER, IMPULSE, PAIR, ARBITER, ARBITER_CURSOR, ARBITER_AT, BODIES,
    NUM_BODIES, POSE, POSE_CURSOR, POSE_AT, SLOTS, SHAPES, NUM_SHAPES, SEGMENTS, LAID, ENDS, NUM_SEGMENTS, FIRST_ID,
    JOINTS, NUM_JOINTS, FORCES, TUNERS, NUM_TUNERS, TUNED_RECORDS, TUNED_NUMBERS, TUNED, BASES, SCALED, RAYS,
    RAY_ORIGINS, NUM_RAYS, MEET, HIT, PASS, ONE_WAYS, ONE_WAY_NORMALS, LISTED, LISTS, LIST_STARTS, NUM_LISTS,
    ENTRIES,
) = range(len(WORDS))  # fmt: skip
NUM_WORDS = len(WORDS)

TUNER_OBJECT, TUNER_SETTER, TUNER_HOW, TUNER_LIMIT, TUNER_BASE, TUNER_COUNT = range(6)  # words of a tuner
TUNER_WORDS = 6
OWN, OTHER_SHAPE, ENTRY_BODY, ENTRY_IMPULSE, ENTRY_X, ENTRY_Y, ENTRY_NX, ENTRY_NY = range(8)  # words of an entry
ENTRY_WORDS = 8
HIT_BODY, HIT_FRACTION, HIT_OTHER = range(3)  # words of a hit
LINE = 64  # bytes of a cache line
BLOCK_LINES = 21  # of a block's beginning, which every step needs
