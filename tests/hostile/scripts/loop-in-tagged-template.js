// expect: deadline
function tag() {
  for (;;) {}
}
tag`text ${1}`;
