using System.Collections.Concurrent;
using System.Globalization;
using Vitrine.Accelerators.Kvm;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Watch.Native;

namespace Vitrine.Kvm.Watch;

/// <summary>Which of the client's descriptors are KVM's, and what each stands for. Any thread.</summary>
internal sealed class WatchedFiles
{
    private const string Node = "/dev/kvm";
    private const string Machine = "anon_inode:kvm-vm";
    private const string Vcpu = "anon_inode:kvm-vcpu";

    private readonly ConcurrentDictionary<int, WatchedFile> _files = new();
    private readonly Lock _lock = new();
    private ForeignKvm? _kvm;
    private int _machines;

    /// <summary>What a descriptor stands for: one that was seen being made, or a duplicate.</summary>
    /// <returns>Null for anything but KVM's.</returns>
    public WatchedFile? Find(int descriptor) => _files.TryGetValue(descriptor, out WatchedFile? file) ? file : Identify(descriptor);

    /// <summary>The client has opened /dev/kvm.</summary>
    /// <exception cref="VitrineException">KVM doesn't tell what it can do.</exception>
    public void AddSystem(int descriptor)
    {
        _kvm ??= new ForeignKvm(descriptor);
        Add(descriptor, new WatchedFile(KvmDescriptorKind.System, null, null));
    }

    /// <summary>KVM_CREATE_VM has succeeded.</summary>
    public void AddMachine(int descriptor)
    {
        if (_kvm is not null) Add(descriptor, new WatchedFile(KvmDescriptorKind.Vm, new WatchedMachine(Interlocked.Increment(ref _machines), _kvm), null));
    }

    /// <summary>KVM_CREATE_VCPU has succeeded.</summary>
    /// <exception cref="VitrineException">Its pages can't be mapped.</exception>
    public void AddVcpu(WatchedMachine machine, int vm, int id, int descriptor) =>
        Add(descriptor, new WatchedFile(KvmDescriptorKind.Vcpu, machine, new HardwareVcpu(machine, id, machine.Kvm.Look(vm, descriptor))));

    /// <summary>A descriptor is about to be closed.</summary>
    public void Remove(int descriptor)
    {
        lock (_lock)
        {
            if (!_files.TryRemove(descriptor, out WatchedFile? file)) return;
            file.Descriptors -= 1;
            if (file.Descriptors > 0) return;
            file.Vcpu?.Release();
        }
    }

    private void Add(int descriptor, WatchedFile file)
    {
        lock (_lock)
        {
            // The number was another's whose end was not seen.
            Remove(descriptor);
            file.Descriptors++;
            _files[descriptor] = file;
        }
    }

    // A duplicate, or one that came from elsewhere. All of KVM's files share one inode: which is which the kernel tells by comparing (kcmp(2)).
    private WatchedFile? Identify(int descriptor)
    {
        string? target = Target(descriptor);
        if (target is null || !(target == Node || target == Machine || target.StartsWith(Vcpu, StringComparison.Ordinal))) return null;
        lock (_lock)
        {
            foreach ((int known, WatchedFile file) in _files)
            {
                if (known == descriptor) return file;
                if (!Libc.AreOneFile(known, descriptor)) continue;
                Add(descriptor, file);
                return file;
            }

            if (target != Node || _kvm is null) return null;
            WatchedFile system = new(KvmDescriptorKind.System, null, null);
            Add(descriptor, system);
            return system;
        }
    }

    private static string? Target(int descriptor)
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{descriptor}")).LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
