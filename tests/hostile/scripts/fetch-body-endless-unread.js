// expect: ok
(async () => { for (let i = 0; i < 200; i++) await fetch("http://h/endless"); })();
