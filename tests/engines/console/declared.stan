// What only some programs use: a function defined in C++, a profile, nothing generated.
functions {
  real half_square(real x);
}
parameters {
  real x;
}
model {
  profile("density") {
    target += -half_square(x - 3);
  }
}
