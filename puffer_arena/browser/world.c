// What the engine's compiled functions call in a page: Chipmunk's functions, for numbers of 64 bits in the place of
// pointers, which are 32 bits wide there.  Blocks and rows are the same as elsewhere: `engines/pymunk/words.py`.
#include <stdint.h>
#include <string.h>

#include "chipmunk/chipmunk_private.h"
#include "chipmunk/chipmunk_unsafe.h"

typedef int64_t word;
#define AT(kind, place) ((kind *)(uintptr_t)(place))
#define PLACE(pointer) ((word)(uintptr_t)(pointer))

// -- memory: pieces of powers of two, those given back kept by their size; `forget` takes all back -----------------

enum { HEAP = 8 << 20, SMALLEST = 5, SIZES = 24 };
typedef struct Piece { size_t size; struct Piece *next; } Piece;  // what it has is after it; multiples of 16
static _Alignas(16) char heap[HEAP];
static size_t used;
static Piece *kept[SIZES];

static void forget(void) {
	memset(heap, 0, used);
	memset(kept, 0, sizeof(kept));
	used = 0;
}

void *calloc(size_t count, size_t each) {
	size_t size = SMALLEST, need = count * each + 16;
	while(((size_t)1 << size) < need) size++;
	Piece *piece = kept[size];
	if(piece){
		kept[size] = piece->next;
		memset((char *)piece + 16, 0, ((size_t)1 << size) - 16);
	} else {
		if(used + ((size_t)1 << size) > HEAP) __builtin_trap();
		piece = (Piece *)(heap + used);
		used += (size_t)1 << size;
	}
	piece->size = size;
	return (char *)piece + 16;
}

void free(void *memory) {
	if(!memory) return;
	Piece *piece = (Piece *)((char *)memory - 16);
	piece->next = kept[piece->size];
	kept[piece->size] = piece;
}

void *realloc(void *memory, size_t size) {
	void *larger = calloc(1, size);
	if(memory){
		size_t held = ((size_t)1 << ((Piece *)((char *)memory - 16))->size) - 16;
		memcpy(larger, memory, held < size ? held : size);
		free(memory);
	}
	return larger;
}

void abort(void) { __builtin_trap(); }

void cpMessage(const char *condition, const char *file, int line, int is_error, int is_hard, const char *message, ...) {
	if(is_error) __builtin_trap();
}

// -- functions by the shape of what they are given -------------------------------------------------------------------

#define WITH_NUMBER(function, kind) \
	static void page_##function(word object, double number) { function(AT(kind, object), number); }
#define WITH_VECTOR(function) \
	static void page_##function(word object, double x, double y) { function(AT(cpConstraint, object), cpv(x, y)); }
#define WITH_SHAPE(function) \
	static void page_##function(word space, word shape) { function(AT(cpSpace, space), AT(cpShape, shape)); }

WITH_NUMBER(cpSpaceStep, cpSpace)
WITH_NUMBER(cpBodyUpdatePosition, cpBody)
WITH_NUMBER(cpConstraintSetMaxForce, cpConstraint)
WITH_NUMBER(cpSimpleMotorSetRate, cpConstraint)
WITH_NUMBER(cpDampedSpringSetRestLength, cpConstraint)
WITH_NUMBER(cpDampedRotarySpringSetRestAngle, cpConstraint)
WITH_NUMBER(cpPinJointSetDist, cpConstraint)
WITH_NUMBER(cpGearJointSetPhase, cpConstraint)
WITH_NUMBER(cpBodySetMass, cpBody)
WITH_NUMBER(cpBodySetMoment, cpBody)
WITH_NUMBER(cpShapeSetFriction, cpShape)
WITH_NUMBER(cpShapeSetElasticity, cpShape)
WITH_NUMBER(cpCircleShapeSetRadius, cpShape)
WITH_NUMBER(cpSlideJointSetMin, cpConstraint)
WITH_NUMBER(cpSlideJointSetMax, cpConstraint)
WITH_NUMBER(cpRotaryLimitJointSetMin, cpConstraint)
WITH_NUMBER(cpRotaryLimitJointSetMax, cpConstraint)
WITH_NUMBER(cpDampedSpringSetStiffness, cpConstraint)
WITH_NUMBER(cpDampedSpringSetDamping, cpConstraint)
WITH_NUMBER(cpDampedRotarySpringSetStiffness, cpConstraint)
WITH_NUMBER(cpDampedRotarySpringSetDamping, cpConstraint)
WITH_VECTOR(cpPinJointSetAnchorA)
WITH_VECTOR(cpPinJointSetAnchorB)
WITH_VECTOR(cpSlideJointSetAnchorA)
WITH_VECTOR(cpSlideJointSetAnchorB)
WITH_VECTOR(cpPivotJointSetAnchorA)
WITH_VECTOR(cpPivotJointSetAnchorB)
WITH_VECTOR(cpGrooveJointSetGrooveA)
WITH_VECTOR(cpGrooveJointSetGrooveB)
WITH_VECTOR(cpGrooveJointSetAnchorB)
WITH_VECTOR(cpDampedSpringSetAnchorA)
WITH_VECTOR(cpDampedSpringSetAnchorB)
WITH_SHAPE(cpSpaceRemoveShape)
WITH_SHAPE(cpSpaceAddShape)
WITH_SHAPE(cpSpaceReindexShape)

static void page_cpSpaceSetShapeIDCounter(word space, word number) {
	AT(cpSpace, space)->shapeIDCounter = (cpHashValue)number;
}
static void page_cpCircleShapeSetOffset(word shape, double x, double y) {
	cpCircleShapeSetOffset(AT(cpShape, shape), cpv(x, y));
}
static void page_cpSegmentShapeSetEndpoints(word shape, double ax, double ay, double bx, double by) {
	cpSegmentShapeSetEndpoints(AT(cpShape, shape), cpv(ax, ay), cpv(bx, by));
}
static void page_cpPolyShapeSetVertsRaw(word shape, word count, word corners) {
	cpPolyShapeSetVertsRaw(AT(cpShape, shape), (int)count, AT(cpVect, corners));
}
static int32_t page_cpArbiterGetCount(word arbiter) { return cpArbiterGetCount(AT(cpArbiter, arbiter)); }
static int8_t page_cpShapeGetSensor(word shape) { return cpShapeGetSensor(AT(cpShape, shape)); }
static word page_cpShapeGetBody(word shape) { return PLACE(cpShapeGetBody(AT(cpShape, shape))); }
static int8_t page_cpArbiterIsFirstContact(word arbiter) { return cpArbiterIsFirstContact(AT(cpArbiter, arbiter)); }
static int8_t page_cpArbiterGetProcessCollision(word arbiter) {
	return cpArbiterGetProcessCollision(AT(cpArbiter, arbiter));
}
static void page_cpArbiterSetProcessCollision(word arbiter, word is_solved) {
	cpArbiterSetProcessCollision(AT(cpArbiter, arbiter), is_solved != 0);
}
static void page_cpArbiterGetShapes(word arbiter, word first, word second) {
	cpShape *a, *b;
	cpArbiterGetShapes(AT(cpArbiter, arbiter), &a, &b);
	*AT(word, first) = PLACE(a);
	*AT(word, second) = PLACE(b);
}

// -- functions that call others, and pymunk's batches: three words, of which the second finds a cursor, and that numbers -

typedef struct { word ints, cursor; int32_t fields; } Batch;
typedef struct { int32_t number, most; word numbers; } Cursor;
#define NUMBERS(batch) AT(double, AT(Cursor, AT(Batch, batch)->cursor)->numbers)

static void set_pose(cpBody *body, void *data) {
	double **next = data;
	cpBodySetPosition(body, cpv((*next)[0], (*next)[1]));
	cpBodySetAngle(body, (*next)[2]);
	cpBodySetVelocity(body, cpv((*next)[3], (*next)[4]));
	cpBodySetAngularVelocity(body, (*next)[5]);
	*next += 6;
}
static void page_pmSpaceBodySetIteratorFuncBatched(word body, word batch) { __builtin_trap(); }  // only `EachBody` calls it
static void page_cpSpaceEachBody(word space, word function, word batch) {
	double *next = NUMBERS(batch);
	cpSpaceEachBody(AT(cpSpace, space), set_pose, &next);
}

static void page_pmSpaceArbiterIteratorFuncBatched(word arbiter_place, word batch) {
	cpArbiter *arbiter = AT(cpArbiter, arbiter_place);
	cpVect *next = (cpVect *)NUMBERS(batch);
	next[0] = cpArbiterTotalImpulse(arbiter);
	if(cpArbiterGetCount(arbiter) == 0) return;
	next[1] = cpArbiterGetNormal(arbiter);
	next[2] = cpArbiterGetPointA(arbiter, 0);
	next[3] = cpArbiterGetPointB(arbiter, 0);
}

typedef word (*Note)(word arbiter, word link);
typedef word (*Meet)(word shape, double x, double y, double nx, double ny, double fraction, word link);
typedef struct { word function, link; } Called;

static void call_note(void *arbiter, void *data) {
	Called *called = data;
	((Note)(uintptr_t)called->function)(PLACE(arbiter), called->link);
}
static void page_cpSpaceEachCachedArbiter(word space, word function, word link) {
	Called called = {function, link};
	cpHashSetEach(AT(cpSpace, space)->cachedArbiters, call_note, &called);
}

static void call_meet(cpShape *shape, cpVect point, cpVect normal, cpFloat fraction, void *data) {
	Called *called = data;
	((Meet)(uintptr_t)called->function)(PLACE(shape), point.x, point.y, normal.x, normal.y, fraction, called->link);
}
static void page_cpSpaceSegmentQuery(
	word space, double ax, double ay, double bx, double by, double radius, word group, word masks, word function, word link
) {
	Called called = {function, link};
	cpSpaceSegmentQuery(AT(cpSpace, space), cpv(ax, ay), cpv(bx, by), radius, CP_SHAPE_FILTER_ALL, call_meet, &called);
}

// -- the engine's own functions, as Numba calls them ----------------------------------------------------------------------

#define ENGINE_FUNCTION(name) \
	extern int32_t engine_##name(word *result, void **fault, word, word); \
	static word page_##name(word a, word b) { \
		word result = 0; void *fault; \
		if(engine_##name(&result, &fault, a, b)) __builtin_trap(); \
		return result; \
	}
ENGINE_FUNCTION(MOVE)
ENGINE_FUNCTION(ENTER)
ENGINE_FUNCTION(EXPECT)
ENGINE_FUNCTION(CALLBACK)

extern int32_t engine_MEET(word *, void **, word, double, double, double, double, double, word);
static word page_MEET(word shape, double x, double y, double nx, double ny, double fraction, word link) {
	word result = 0; void *fault;
	if(engine_MEET(&result, &fault, shape, x, y, nx, ny, fraction, link)) __builtin_trap();
	return result;
}

extern int32_t engine_PASS(word *, void **, word, word, word);
static word page_PASS(word arbiter, word space, word link) {
	word result = 0; void *fault;
	if(engine_PASS(&result, &fault, arbiter, space, link)) __builtin_trap();
	return result;
}
static void pass(cpArbiter *arbiter, cpSpace *space, void *block) {
	page_PASS(PLACE(arbiter), PLACE(space), PLACE(block));
}
