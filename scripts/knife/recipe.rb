# A recipe that installs balanced from the package of a release. It belongs into the run that makes the image, or into
# the first run of an instance, not into the upgrade that balanced guards.
#
#     default['balanced']['source']   = 'https://artifacts.example.com/balanced_0.1.0_amd64.deb'
#     default['balanced']['checksum'] = 'its SHA-256, as in SHA256SUMS'

source  = node['balanced']['source']
package = ::File.join(Chef::Config[:file_cache_path], ::File.basename(source))

remote_file package do
  source source
  checksum node['balanced']['checksum']
  mode '0644'
end

if platform_family?('debian')
  dpkg_package 'balanced' do
    source package
    action :upgrade
  end
else
  rpm_package 'balanced' do
    source package
    action :upgrade
  end
end
