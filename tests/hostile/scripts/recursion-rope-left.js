// expect: deadline|memory|ok
let s = ''; for (let i = 0; i < 1e6; i++) s = s + 'ab'; s.charCodeAt(1e6);
