using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Kvm.Abi;

namespace Vitrine.Tests.Kvm;

/// <summary>Stands between the accelerator and KVM: lists the ioctls by name, and answers some of them itself.</summary>
internal sealed class RecordingKvmSystem : IKvmSystem
{
    /// <summary>The ioctls so far.</summary>
    public List<string> Names { get; } = [];

    /// <summary>Answers an ioctl, or null to let KVM do it.</summary>
    public Func<string, nint, int?> Answer { get; init; } = (_, _) => null;

    /// <summary>Answers the opening of the device node, or null to let the kernel do it.</summary>
    public int? OpenResult { get; init; }

    public NodeRights? Rights { get; init; }

    public NodeRights? ReadRights(string path) => Rights;

    public int Open(string path) => OpenResult ?? LinuxKvmSystem.Instance.Open(path);

    public int Close(int descriptor) => descriptor > 1_000_000 ? 0 : LinuxKvmSystem.Instance.Close(descriptor);

    public int Ioctl(KvmDescriptorKind kind, int descriptor, uint request, nint argument)
    {
        string name = KvmIoctlName.Of(kind, request);
        Names.Add(name);
        return Answer(name, argument) ?? LinuxKvmSystem.Instance.Ioctl(kind, descriptor, request, argument);
    }

    public nint Map(int descriptor, nuint length) => LinuxKvmSystem.Instance.Map(descriptor, length);

    public int Unmap(nint address, nuint length) => LinuxKvmSystem.Instance.Unmap(address, length);
}
