// expect: deadline|error
import({ toString() { for (;;) {} } });
