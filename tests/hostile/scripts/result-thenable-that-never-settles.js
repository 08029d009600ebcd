// expect: deadline|error|ok
({ then() {} });
