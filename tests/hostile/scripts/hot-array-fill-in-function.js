// expect: deadline
function loop() {
  for (;;) new Array(1000).fill(1);
}
loop();
