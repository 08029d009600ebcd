// expect: memory|error|ok
new Function('var ' + '['.repeat(1e5) + 'a' + ']'.repeat(1e5) + '=[]');
