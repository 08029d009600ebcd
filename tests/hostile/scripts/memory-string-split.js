// expect: memory
'x,'.repeat(5e6).split(',').map((each) => each + '!').length;
