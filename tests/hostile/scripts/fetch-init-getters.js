// expect: error
fetch("http://h/", { get method() { throw new RangeError("from a getter"); } });
