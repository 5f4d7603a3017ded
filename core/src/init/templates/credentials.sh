# git asks this helper for the token, which so stands in no URL, no file and no log.
export GIT_CONFIG_COUNT=2
export GIT_CONFIG_KEY_0='credential.@@origin@@.helper'
export GIT_CONFIG_VALUE_0='!f() { echo username=@@git_user@@; echo "password=$OCUROOT_GIT_TOKEN"; }; f'
export GIT_CONFIG_KEY_1='url.@@origin@@/.insteadOf'
export GIT_CONFIG_VALUE_1='@@ssh@@'
