// expect: ok|error|memory|deadline
const holes = new Array(4294967295);
holes.extra = 1;
structuredClone([holes, { get holes() { return holes; } }]).length;
