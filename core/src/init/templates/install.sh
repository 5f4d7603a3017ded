# Built once and kept, unless the machine has one.
export PATH="$OCUROOT_HOME/v@@version@@/bin:$PATH"
command -v ocuroot || @@install@@
