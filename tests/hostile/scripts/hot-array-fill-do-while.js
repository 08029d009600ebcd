// expect: deadline
do new Array(1000).fill(1);
while (true);
