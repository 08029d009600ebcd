// expect: error
throw new Error('\ud800 \udfff \0 \x1b[31m \n\r\u2028');
